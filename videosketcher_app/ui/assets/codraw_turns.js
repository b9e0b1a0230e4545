// The turns as thumbnails: go on from any of them, or lay two ways to go on side by side.

const COMPARE_WIDTH = 520;

/** Calls open(number) to go on from a turn. */
class TurnList {
  constructor(root, open) {
    this.root = root;
    this.list = root.querySelector(".cd-turns");
    this.dialog = root.querySelector(".cd-compare");
    this.open = open;
    this.list.addEventListener("click", ({ target }) => this.clicked(target));
    this.dialog.addEventListener("click", ({ target }) => {
      const pick = target.closest("[data-pick]");
      if (!pick) return;
      this.dialog.close();
      this.open(Number(pick.dataset.pick));
    });
  }

  show(story) {
    this.story = story;
    const turns = [...story.turns.values()].filter((turn) => turn.hand === "model");
    const onPath = new Set(story.path().map((turn) => turn.number));
    this.root.querySelector(".cd-no-turns").hidden = turns.length > 0;
    this.list.replaceChildren(...turns.map((turn, index) => this.card(turn, index + 1, onPath)));
    this.list.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" });
  }

  card(turn, place, onPath) {
    const card = document.createElement("li");
    const label = say("turn_label", { number: place });
    card.innerHTML = `<button type="button" class="cd-turn" data-turn="${turn.number}"></button>
      <div class="cd-caption"><span>${label}</span></div>`;
    const button = card.querySelector("button");
    button.append(this.story.thumbnail(turn.number));
    button.title = say("turn_open");
    button.setAttribute("aria-label", `${label}. ${say("turn_open")}`);
    card.classList.toggle("cd-off", !onPath.has(turn.number));
    if (turn.number === this.story.head) card.setAttribute("aria-current", "true");
    if (turn.number !== this.story.head && this.story.head) {
      const compare = `<button type="button" class="cd-link" data-compare="${turn.number}">${say("turn_compare")}</button>`;
      card.querySelector(".cd-caption").insertAdjacentHTML("beforeend", compare);
    }
    return card;
  }

  clicked(target) {
    const turn = target.closest("[data-turn]");
    const compare = target.closest("[data-compare]");
    if (turn) this.open(Number(turn.dataset.turn));
    else if (compare) this.compare(Number(compare.dataset.compare), this.story.head);
  }

  compare(...numbers) {
    const places = [...this.story.turns.values()].filter((turn) => turn.hand === "model").map((turn) => turn.number);
    const figures = numbers.map((number) => {
      const figure = document.createElement("figure");
      const label = say("turn_label", { number: places.indexOf(number) + 1 });
      figure.append(this.story.picture(COMPARE_WIDTH * (window.devicePixelRatio || 1), { number, pending: false }));
      figure.insertAdjacentHTML("beforeend", `<figcaption><span>${label}</span>
        <button type="button" class="cd-word" data-pick="${number}">${say("compare_pick")}</button></figcaption>`);
      return figure;
    });
    this.dialog.querySelector(".cd-pair").replaceChildren(...figures);
    this.dialog.showModal();
  }
}
