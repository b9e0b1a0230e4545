// The plan as a list: one row a part, with a handle, a number, its name, its words and a cross.

const ROW = `
  <button type="button" class="pe-handle" data-do="grip"><i></i></button>
  <span class="pe-number" aria-hidden="true"></span>
  <input class="pe-name" data-field="name" maxlength="120" spellcheck="false">
  <textarea class="pe-words" data-field="description" rows="1" maxlength="400" spellcheck="false"></textarea>
  <button type="button" class="pe-remove" data-do="remove">×</button>`;

class PlanList {
  constructor(element, store, announce) {
    this.element = element;
    this.store = store;
    this.announce = announce;
    this.rows = new Map();
    this.listen();
  }

  listen() {
    const list = this.element;
    list.addEventListener("input", (event) => this.onInput(event));
    list.addEventListener("keydown", (event) => this.onKey(event));
    list.addEventListener("click", (event) => this.onClick(event));
    list.addEventListener("focusin", (event) => this.store.select(this.idAt(event.target)));
    list.addEventListener("pointerdown", (event) => this.onGrip(event));
  }

  idAt(target) {
    return Number(target.closest("li")?.dataset.id) || null;
  }

  render() {
    const { parts, selected } = this.store;
    const wanted = new Set(parts.map((part) => part.id));
    for (const [id, row] of this.rows) if (!wanted.has(id)) this.drop(id, row);
    parts.forEach((part, i) => this.place(this.rowOf(part), i));
    parts.forEach((part, i) => this.fill(this.rows.get(part.id), part, i, part.id === selected));
  }

  drop(id, row) {
    row.remove();
    this.rows.delete(id);
  }

  rowOf(part) {
    if (!this.rows.has(part.id)) {
      const row = document.createElement("li");
      row.dataset.id = part.id;
      row.innerHTML = ROW;
      this.rows.set(part.id, row);
    }
    return this.rows.get(part.id);
  }

  /** Moves a row only if it stands elsewhere: moving it would take the focus from it. */
  place(row, i) {
    const there = this.element.children[i];
    if (there !== row) this.element.insertBefore(row, there ?? null);
  }

  fill(row, part, i, selected) {
    const set = (selector, text) => {
      const field = row.querySelector(selector);
      if (field.value !== text) field.value = text;
      return field;
    };
    row.classList.toggle("pe-selected", selected);
    row.querySelector(".pe-number").textContent = i + 1;
    const values = { number: i + 1, name: part.name };
    set(".pe-name", part.name).setAttribute("aria-label", say("name_label", values));
    const words = set(".pe-words", part.description);
    words.setAttribute("aria-label", say("words_label", values));
    words.placeholder = say("words_placeholder");
    row.querySelector(".pe-handle").setAttribute("aria-label", say("move_label", values));
    row.querySelector(".pe-remove").setAttribute("aria-label", say("remove_label", values));
    const faulty = !part.name.trim();
    row.querySelector(".pe-name").setAttribute("aria-invalid", String(faulty));
  }

  onInput({ target }) {
    const field = target.dataset.field;
    if (!field) return;
    const text = target.value.replace(/[\r\n]+/g, " ");
    this.store.edit(this.idAt(target), { [field]: text }, `${field} ${this.idAt(target)}`);
  }

  onClick({ target }) {
    if (target.closest("[data-do=remove]")) this.remove(this.idAt(target));
  }

  remove(id) {
    const i = this.store.index(id);
    this.store.remove(id);
    this.announce(say("removed", { number: i + 1 }));
    const next = this.store.parts[Math.min(i, this.store.parts.length - 1)];
    if (next) this.focus(next.id, ".pe-remove");
  }

  focus(id, selector) {
    this.rows.get(id)?.querySelector(selector).focus();
  }

  onKey(event) {
    const id = this.idAt(event.target);
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const bare = event.target.dataset.do === "grip";
    if (step && (event.altKey || bare)) {
      event.preventDefault();
      this.step(id, step, event.target);
    } else if (event.key === "Enter" && event.target.dataset.field) {
      event.preventDefault();
      this.onEnter(id, event.target);
    }
  }

  step(id, step, control) {
    const target = clamp(this.store.index(id) + step, 0, this.store.parts.length - 1);
    this.store.move(id, target);
    control.focus();
    this.announce(say("moved", { number: target + 1, count: this.store.parts.length }));
  }

  /** Enter goes from the name to the words, and from the words to the next part's name. */
  onEnter(id, field) {
    if (field.dataset.field === "name") return this.focus(id, ".pe-words");
    const next = this.store.parts[this.store.index(id) + 1] ?? this.store.add({ name: "", description: "" });
    return next && this.focus(next.id, ".pe-name");
  }

  /** A drag by the handle: the row follows the pointer, the others make room. */
  onGrip(event) {
    const handle = event.target.closest("[data-do=grip]");
    if (!handle || event.button) return;
    event.preventDefault();
    handle.focus();
    const row = handle.closest("li");
    const rows = [...this.element.children];
    const drag = { row, rows, from: rows.indexOf(row), startY: event.clientY };
    drag.boxes = rows.map((one) => one.getBoundingClientRect());
    drag.to = drag.from;
    row.classList.add("pe-dragged");
    followPointer(handle, event, {
      move: (moved) => this.dragTo(drag, moved.clientY),
      end: (kept) => this.endDrag(drag, kept),
    });
  }

  dragTo(drag, y) {
    const own = drag.boxes[drag.from];
    const middle = own.top + own.height / 2 + (y - drag.startY);
    const above = drag.boxes.filter((box, i) => i !== drag.from && box.top + box.height / 2 < middle);
    drag.to = above.length;
    drag.row.style.transform = `translateY(${y - drag.startY}px)`;
    drag.rows.forEach((row, i) => {
      if (row === drag.row) return;
      const passed = i > drag.from && i <= drag.to ? -1 : i < drag.from && i >= drag.to ? 1 : 0;
      row.style.transform = passed ? `translateY(${passed * own.height}px)` : "";
    });
  }

  endDrag(drag, kept) {
    drag.row.classList.remove("pe-dragged");
    drag.rows.forEach((row) => { row.style.transform = ""; });
    if (kept && drag.to !== drag.from) this.step(this.idAt(drag.row), drag.to - drag.from, drag.row.firstElementChild);
  }
}
