// Beside the paper: what it shall become, and which parts of the plan are left to draw.

const MARKS = {
  done: "M3 8.5L6.5 12L13 4.5",
  now: "M5 3L11.5 8L5 13Z",
  left: "M8 5.4A2.6 2.6 0 1 0 8 10.6A2.6 2.6 0 1 0 8 5.4",
};

/** Calls use(concept, parts) when the plan was changed by hand, plan(concept) for a new one. */
class PlanList {
  constructor(root, { use, plan, mark }) {
    this.root = root;
    this.list = root.querySelector(".cd-parts");
    this.bar = root.querySelector(".cd-partbar");
    this.field = root.querySelector("[data-set=concept]");
    this.useButton = root.querySelector("[data-do=use-plan]");
    this.use = use;
    this.mark = mark;
    this.isEdited = false;
    this.plan = () => plan(this.field.value.trim());
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.plan();
    });
    this.list.addEventListener("input", () => this.edited(true));
    this.list.addEventListener("click", ({ target }) => this.clicked(target));
  }

  setConcept(concept) {
    if (concept && document.activeElement !== this.field) this.field.value = concept;
  }

  /** Shows the parts of the plan, unless the person is just changing them. */
  show(parts) {
    const words = JSON.stringify(parts);
    if (this.isEdited || words === this.shown) return;
    this.shown = words;
    const next = parts.findIndex((part) => !part.drawn);
    const state = (part, index) => (part.drawn ? "done" : index === next ? "now" : "left");
    this.list.replaceChildren(...parts.map((part, index) => this.row(part, state(part, index))));
    this.number();
  }

  row({ name, description }, state) {
    const row = document.createElement("li");
    row.dataset.state = state;
    row.innerHTML = `<button type="button" class="cd-state cd-mark-part">${mark(MARKS[state])}</button>
      <input class="cd-text cd-name" maxlength="80"><input class="cd-text cd-words" maxlength="300">
      <button type="button" class="cd-icon cd-remove">${mark("M4 4L12 12M12 4L4 12")}</button>`;
    row.querySelector(".cd-name").value = name;
    row.querySelector(".cd-words").value = description ?? "";
    row.querySelector(".cd-state").title = say({ done: "plan_done", now: "plan_now", left: "plan_left" }[state]);
    return row;
  }

  number() {
    [...this.list.children].forEach((row, index) => {
      const label = (selector, key) => row.querySelector(selector).setAttribute("aria-label", say(key, { number: index + 1 }));
      label(".cd-name", "part_name");
      label(".cd-words", "part_words");
      label(".cd-remove", "remove_part");
      const state = row.querySelector(".cd-state");
      state.setAttribute("aria-label", say("part_state", { number: index + 1, state: state.title }));
    });
    this.bar.hidden = !this.list.children.length;
    this.root.querySelector(".cd-no-plan").hidden = !this.bar.hidden;
  }

  clicked(target) {
    const row = target.closest("li");
    if (target.closest(".cd-remove")) {
      row.remove();
      this.edited(true);
    } else if (target.closest(".cd-mark-part") && !this.isEdited) {
      this.mark([...this.list.children].indexOf(row), row.dataset.state !== "done");
    }
  }

  add() {
    this.list.append(this.row({ name: "" }, "left"));
    this.edited(true);
    this.list.lastElementChild.querySelector(".cd-name").focus();
  }

  edited(yes) {
    this.isEdited = yes;
    this.useButton.hidden = !yes;
    this.number();
  }

  /** Hands the changed plan over; rows without a name are left out. */
  apply() {
    const rows = [...this.list.children].map((row) => [
      row.querySelector(".cd-name").value.trim(),
      row.querySelector(".cd-words").value.trim(),
    ]);
    this.edited(false);
    this.shown = null;
    this.use(this.field.value.trim(), rows.filter(([name]) => name));
  }

  /** Name of the part that comes next; "" if there is none. */
  get nextName() {
    return this.list.querySelector("[data-state=now] .cd-name")?.value ?? "";
  }
}

function mark(path) {
  return `<svg class="cd-mark" viewBox="0 0 16 16" aria-hidden="true"><path d="${path}"/></svg>`;
}
