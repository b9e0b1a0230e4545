// The plan editor: list, sheet, shapes and one-line text over one store.

const CHANGE_DELAY_MS = 150;

class PlanEditor {
  constructor(root, { value, send }) {
    this.root = root;
    this.send = send;
    this.store = new PlanStore(value);
    const announce = (text) => { root.querySelector(".pe-status").textContent = text; };
    this.list = new PlanList(root.querySelector(".pe-list"), this.store, announce);
    this.sheet = new PlanSheet(root.querySelector(".pe-sheet"), this.store, announce);
    this.line = root.querySelector(".pe-line textarea");
    this.store.listeners.push((news) => this.onNews(news));
    this.fillShapes();
    this.listen();
    this.render();
  }

  load(value) {
    clearTimeout(this.timer);
    this.timer = null;
    this.store.load(value);
    this.render();
  }

  onNews({ saved }) {
    this.render();
    if (!saved) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), CHANGE_DELAY_MS);
  }

  /** Tells Python now: whoever goes elsewhere on the page may press "Draw" next. */
  tell() {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.send(this.store.value);
  }

  render() {
    const { store } = this;
    this.list.render();
    this.sheet.render();
    const { concept, planner = "", note = "" } = store.plan;
    this.text(".pe-concept", concept);
    this.text(".pe-planner", planner && say("planner", { planner }));
    this.text(".pe-note", note);
    this.root.classList.toggle("pe-blank", !store.parts.length);
    this.button("undo").disabled = !store.past.length;
    this.button("redo").disabled = !store.future.length;
    this.button("add").disabled = store.parts.length >= FORM.maxParts;
    if (!this.isTyping()) this.showLine();
    this.showShape();
  }

  text(selector, words) {
    const element = this.root.querySelector(selector);
    element.textContent = words;
    element.hidden = !words;
  }

  button(action) {
    return this.root.querySelector(`[data-do=${action}]`);
  }

  isTyping() {
    return this.line === this.root.ownerDocument.activeElement;
  }

  showLine() {
    const { concept } = this.store.plan;
    this.line.value = this.store.parts.length ? printPlan({ concept, parts: this.store.parts }) : "";
    this.markLine(true);
  }

  markLine(valid) {
    this.line.setAttribute("aria-invalid", String(!valid));
    this.root.querySelector(".pe-line-fault").hidden = valid;
  }

  listen() {
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.root.addEventListener("focusout", ({ relatedTarget }) => {
      if (!this.root.contains(relatedTarget)) this.tell();
    });
    this.root.addEventListener("click", ({ target }) => {
      const action = target.closest("[data-do]")?.dataset.do;
      if (action === "undo") this.store.undo();
      if (action === "redo") this.store.redo();
      if (action === "add") this.addPart();
      if (action === "shape") this.pickShape(target.closest("button").dataset.shape);
    });
    this.line.addEventListener("input", () => this.onLine());
    this.line.addEventListener("blur", () => this.showLine());
  }

  onKey(event) {
    if (!(event.ctrlKey || event.metaKey)) return;
    const key = event.key.toLowerCase();
    const redo = key === "y" || (key === "z" && event.shiftKey);
    if (!redo && key !== "z") return;
    event.preventDefault();
    if (redo) this.store.redo();
    else this.store.undo();
    this.showLine();
  }

  addPart() {
    const part = this.store.add({ name: "", description: "" });
    if (part) this.list.focus(part.id, ".pe-name");
  }

  onLine() {
    const plan = parsePlan(this.line.value);
    this.markLine(Boolean(plan));
    if (plan) this.store.commit({ ...plan, parts: this.store.identified(plan.parts) }, "line");
  }

  fillShapes() {
    const row = this.root.querySelector(".pe-shapes");
    const buttons = Object.keys(WORDS.shapes).map((shape) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", title: shape });
      Object.assign(button.dataset, { do: "shape", shape });
      button.setAttribute("aria-label", shape);
      const icon = document.createElementNS(SVG, "svg");
      const [wide, high] = halvesOf(shape);
      const scale = 20 / Math.max(wide, high);
      icon.style.cssText = `width:${wide * scale}px;height:${high * scale}px`;
      drawOutline(icon, shape);
      button.append(icon);
      button.classList.toggle("pe-more", !WORDS.basicShapes.includes(shape));
      return button;
    });
    row.append(...buttons);
  }

  showShape() {
    const { parts, selected } = this.store;
    const index = this.store.index(selected);
    const shape = index < 0 ? null : readPart(parts[index], othersOf(parts, index)).layout.shape;
    for (const button of this.root.querySelectorAll(".pe-shapes button")) {
      button.setAttribute("aria-pressed", String(button.dataset.shape === shape));
    }
    const values = index < 0 ? null : { number: index + 1, name: parts[index].name };
    this.text(".pe-hint", values ? say("shape_of", values) : say("shape_adds"));
  }

  /** A shape for the selected part; with none selected, a new part of that shape. */
  pickShape(shape) {
    const { store } = this;
    if (store.index(store.selected) >= 0) {
      store.commit({ parts: store.rewordedParts(store.selected, { shape }) });
    } else {
      store.add({ name: capital(shape), description: writePart({ shape, place: "center" }) });
    }
  }
}

const editor = new PlanEditor(element.querySelector(".plan-editor"), {
  value: props.value,
  send(value) {
    props.value = value;
    trigger("change", value);
  },
});
watch("value", () => editor.load(props.value));
