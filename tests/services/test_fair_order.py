"""The order of waiting jobs equals a plain oracle's; nobody starves; cancelled ones leave."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from videosketcher_app.services.fair_order import MAX_PASSED_OVER, FairOrder

KINDS = [(priority, guest) for priority in range(4) for guest in range(2)]


@dataclass
class Waiting:
    number: int
    kind: tuple[int, int]
    session: str
    rank: int = 0  # within its session; the number unless it was put first


@dataclass
class Oracle:
    """The same rules, by searching a plain list: who waits, who was served when, who was skipped."""

    waiting: list[Waiting] = field(default_factory=list)
    turns: dict[tuple[tuple[int, int], str], int] = field(default_factory=dict)
    skipped: dict[tuple[int, int], int] = field(default_factory=dict)
    clock: int = 0

    def add(self, thing: Waiting) -> None:
        self.clock += 1
        if not any((w.kind, w.session) == (thing.kind, thing.session) for w in self.waiting):
            self.turns[thing.kind, thing.session] = self.clock
        self.waiting.append(thing)

    def remove(self, thing: Waiting) -> None:
        self.waiting.remove(thing)
        if not any(w.kind == thing.kind for w in self.waiting):
            self.skipped.pop(thing.kind, None)

    def put_first(self, thing: Waiting, kind: tuple[int, int], before_sessions: bool) -> None:
        self.clock += 1
        former, thing.kind = thing.kind, kind
        alone = not any(
            w is not thing and (w.kind, w.session) == (kind, thing.session) for w in self.waiting
        )
        if alone and former != kind:
            self.turns[kind, thing.session] = self.clock
        if not any(w.kind == former for w in self.waiting):
            self.skipped.pop(former, None)
        thing.rank = min(w.rank for w in self.waiting) - 1
        if before_sessions:
            self.turns[kind, thing.session] = min(self.turns.values()) - 1

    def pop(self) -> Waiting:
        self.clock += 1
        kinds = {w.kind for w in self.waiting}
        starved = {kind for kind in kinds if self.skipped.get(kind, 0) >= MAX_PASSED_OVER}
        kind = min(starved or kinds)
        for other in kinds:
            if other > kind:
                self.skipped[other] = self.skipped.get(other, 0) + 1
        self.skipped.pop(kind, None)
        of_kind = [w for w in self.waiting if w.kind == kind]
        thing = min(of_kind, key=lambda w: (self.turns[kind, w.session], w.rank))
        self.turns[kind, thing.session] = self.clock
        self.waiting.remove(thing)
        return thing


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(KINDS), st.sampled_from("abcd")),
        st.tuples(st.just("pop"), st.none(), st.none()),
        st.tuples(st.just("remove"), st.integers(0, 50), st.none()),
        st.tuples(
            st.just("first"), st.integers(0, 50), st.tuples(st.sampled_from(KINDS), st.booleans())
        ),
    ),
    max_size=120,
)


@given(steps)
def test_the_order_is_the_oracles(moves) -> None:
    order: FairOrder[int] = FairOrder()
    oracle = Oracle()
    for number, (move, what, session) in enumerate(moves):
        if move == "add":
            order.add(number, what, session)
            oracle.add(Waiting(number, what, session, rank=number))
        elif move == "pop" and oracle.waiting:
            rehearsed = order.in_order()
            assert len(rehearsed) == len(order) == len(oracle.waiting)
            expected = oracle.pop().number
            assert rehearsed[0] == expected
            assert order.pop() == expected
        elif move == "remove" and oracle.waiting:
            leaving = oracle.waiting[what % len(oracle.waiting)]
            oracle.remove(leaving)
            assert order.remove(leaving.number)
            assert not order.remove(leaving.number)
            assert not order.put_first(leaving.number, KINDS[0], "a", before_sessions=True)
        elif move == "first" and oracle.waiting:
            moving, (kind, before_sessions) = oracle.waiting[what % len(oracle.waiting)], session
            oracle.put_first(moving, kind, before_sessions)
            assert order.put_first(
                moving.number, kind, moving.session, before_sessions=before_sessions
            )
    rest = [oracle.pop().number for _ in range(len(oracle.waiting))]
    assert order.in_order() == rest
    assert [order.pop() for _ in rest] == rest


def test_sessions_take_turns_however_many_jobs_one_of_them_has() -> None:
    order: FairOrder[str] = FairOrder()
    for number in range(5):
        order.add(f"greedy {number}", (2, 0), "greedy")
    order.add("modest", (2, 0), "modest")
    assert order.in_order()[:3] == ["greedy 0", "modest", "greedy 1"]


def test_training_gets_its_turn_between_endless_sketches() -> None:
    order: FairOrder[str] = FairOrder()
    order.add("training", (3, 0), "owner")
    for number in range(3 * MAX_PASSED_OVER):
        order.add("sketch", (2, 0), "owner")
        if order.pop() == "training":
            assert number == MAX_PASSED_OVER
            return
    raise AssertionError("training starved")


def test_the_owner_goes_before_guests() -> None:
    order: FairOrder[str] = FairOrder()
    order.add("guest", (2, 1), "g")
    order.add("owner", (2, 0), "o")
    assert order.in_order() == ["owner", "guest"]
