// A sketchbook: its sketches in order, their captions, and what is done to it. Words arrive as text,
// never as HTML. Every question carries a number, and the value tells which ones are answered: what a
// person types or draws meanwhile is newer than any answer under way.

class Book {
  constructor(root, send) {
    this.root = root;
    this.send = send;
    this.number = 0; // of the last question
    this.waiting = new Map(); // number of a question -> what to do with its answer
    this.items = new Map(); // id of a sketch -> its element
    this.list = root.querySelector(".tb-sketches");
    this.books = this.find("book");
    this.line = root.querySelector(".cd-told");
    this.value = null;
    this.sheet = new Sheet(root, this);
    this.sheet.setTool("pen");
    this.sheet.setColor(this.sheet.pen.color);
    this.sheet.setSize(this.sheet.pen.size);
    this.listen();
  }

  find(name) {
    return this.root.querySelector(`[data-set="${name}"]`);
  }

  button(name) {
    return this.root.querySelector(`[data-do="${name}"]`);
  }

  get name() {
    return this.value?.book ?? "";
  }

  ask(event, data = {}, answered = () => {}) {
    this.number += 1;
    this.waiting.set(this.number, answered);
    this.send(event, { ...data, book: this.name, number: this.number });
    return this.number;
  }

  told(words, isAlert = false) {
    this.line.textContent = words;
    this.line.classList.toggle("cd-alert", isAlert);
  }

  // What the server says.

  load(value) {
    if (!value) return;
    this.value = value;
    this.showBooks(value);
    this.showSketches(value.sketches);
    this.showOrder(value.order);
    this.answer(value);
    this.changed();
  }

  answer({ answered, ok, words }) {
    for (const [number, act] of this.waiting) {
      if (number > answered) continue;
      this.waiting.delete(number);
      if (number === answered) {
        act(ok);
        this.told(words || TEXT.draw_hint, !ok);
      }
    }
  }

  showBooks({ books, book }) {
    const options = books.map((name) => new Option(name, name, name === book, name === book));
    if (!books.length) options.push(new Option(TEXT.no_book, ""));
    this.books.replaceChildren(...options);
    this.books.disabled = !books.length;
    this.button("forget").hidden = !book;
  }

  /** Elements stay as long as their sketch does, so focus and half-written words stay too. */
  showSketches(sketches) {
    const ids = new Set(sketches.map(({ id }) => id));
    for (const [id, item] of this.items) {
      if (ids.has(id)) continue;
      this.passFocus(item);
      item.remove();
      this.items.delete(id);
    }
    sketches.forEach((sketch, index) => {
      const item = this.items.get(sketch.id) ?? this.newItem(sketch.id);
      if (this.list.children[index] !== item) this.place(item, index);
      this.fill(item, sketch, index, sketches.length);
    });
    this.root.querySelector(".tb-empty").hidden = sketches.length > 0;
    this.root.querySelector(".tb-count").textContent = sketches.length ? say("count", { count: sketches.length }) : "";
  }

  /** An element that is moved loses its focus. */
  place(item, index) {
    const focused = item.contains(document.activeElement) ? document.activeElement : null;
    this.list.insertBefore(item, this.list.children[index] ?? null);
    focused?.focus({ preventScroll: true });
  }

  passFocus(item) {
    if (!item.contains(document.activeElement)) return;
    const next = item.nextElementSibling ?? item.previousElementSibling;
    (next?.querySelector("[data-do=drop]") ?? this.sheet.stage.live).focus({ preventScroll: true });
  }

  newItem(id) {
    const item = this.root.querySelector(".tb-item").content.firstElementChild.cloneNode(true);
    item.dataset.id = id;
    item.order = new Order(item, this);
    this.items.set(id, item);
    return item;
  }

  /** The order that was asked for; one is open at a time. */
  showOrder(order) {
    if (!order) return;
    for (const [id, item] of this.items) {
      if (id === order.id) item.order.load(order);
      else item.order.close();
      item.querySelector("[data-do=order]").setAttribute("aria-expanded", String(item.order.isOpen));
    }
  }

  toggleOrder(item, button) {
    button.setAttribute("aria-expanded", String(item.order.toggle()));
  }

  fill(item, sketch, index, count) {
    const number = index + 1;
    const picture = item.querySelector("img");
    if (picture.src !== sketch.picture) picture.src = sketch.picture;
    picture.alt = say("picture", { number });
    item.querySelector(".tb-number").textContent = number;
    item.querySelector(".tb-origin").textContent = sketch.about;
    item.setAttribute("aria-label", say("sketch", { number }));
    this.fillCaption(item.querySelector(".tb-caption"), sketch.caption, number);
    const label = (name, key) => item.querySelector(`[data-do=${name}]`).setAttribute("aria-label", say(key, { number }));
    label("up", "up");
    label("down", "down");
    if (!item.querySelector(".vs-sure")) label("drop", "drop");
    label("suggest", "suggest_for");
    label("order", "order_for");
    item.querySelector("[data-do=order]").hidden = !sketch.can_order;
    item.querySelector(".tb-concept").setAttribute("aria-label", say("concept_for", { number }));
    item.querySelector("[data-do=up]").disabled = index === 0;
    item.querySelector("[data-do=down]").disabled = index === count - 1;
  }

  fillCaption(field, caption, number) {
    field.setAttribute("aria-label", say("caption_for", { number }));
    if (field.dataset.typed) return; // it is being written; the last word is the person's
    if (field.value !== caption) field.value = caption;
    fit(field);
  }

  // What a person does.

  /** The sheet has changed, or what may be done with it. */
  changed() {
    const { sheet } = this;
    if (!sheet) return; // it shows its draft while it is being made
    this.button("keep").disabled = sheet.isBlank || this.isKeeping === true;
    this.button("undo").disabled = sheet.at === 0;
    this.button("redo").disabled = sheet.at === sheet.steps.length - 1;
    this.button("clear").disabled = sheet.isBlank;
  }

  keep() {
    const { sheet } = this;
    if (sheet.isBlank || this.isKeeping) return;
    const kept = sheet.strokes;
    this.isKeeping = true;
    this.told(TEXT.keeping);
    const { width, height } = sheet.story.paper;
    this.ask("keep", { width, height, strokes: sheet.values() }, (ok) => {
      this.isKeeping = false;
      if (ok) sheet.dropKept(kept);
    });
    this.changed();
  }

  create() {
    const field = this.find("name");
    const name = field.value;
    if (!name.trim()) {
      this.told(TEXT.name_missing, true);
      field.focus();
      return;
    }
    this.ask("create", { name }, (ok) => {
      if (ok && field.value === name) field.value = "";
      if (!ok) field.focus();
    });
  }

  caption(field) {
    if (!field.dataset.typed) return;
    const { id } = field.closest("li").dataset;
    const text = field.value;
    this.ask("caption", { id, text }, () => {
      if (field.value === text) delete field.dataset.typed;
    });
  }

  suggest(item) {
    const concept = item.querySelector(".tb-concept");
    const caption = item.querySelector(".tb-caption");
    if (!concept.value.trim()) {
      this.told(TEXT.concept_missing, true);
      concept.focus();
      return;
    }
    const before = caption.value;
    delete caption.dataset.typed; // a suggestion is asked for in its place
    this.told(TEXT.suggesting);
    this.ask("suggest", { id: item.dataset.id, concept: concept.value }, (ok) => {
      if (!ok && !caption.dataset.typed) {
        caption.value = before;
        fit(caption);
      }
    });
  }

  move(item, by) {
    const index = [...this.list.children].indexOf(item) + by;
    if (index >= 0 && index < this.list.children.length) this.ask("move", { id: item.dataset.id, index });
  }

  act(name, button) {
    const { sheet } = this;
    const item = button.closest("li");
    const actions = {
      keep: () => this.keep(),
      create: () => this.create(),
      undo: () => sheet.travel(-1),
      redo: () => sheet.travel(1),
      clear: () => sheet.clear(),
      keys: () => sheet.toggleKeys(),
      forget: () => pressTwice(button, () => this.ask("forget")),
      suggest: () => this.suggest(item),
      order: () => this.toggleOrder(item, button),
      up: () => this.move(item, -1),
      down: () => this.move(item, 1),
      drop: () => pressTwice(button, () => this.ask("drop", { id: item.dataset.id })),
    };
    actions[name]?.();
  }

  listen() {
    const { root, sheet } = this;
    root.addEventListener("click", ({ target }) => {
      const data = (name) => target.closest(`[data-${name}]`)?.dataset[name];
      if (data("do")) this.act(data("do"), target.closest("[data-do]"));
      else if (data("tool")) sheet.setTool(data("tool"));
      else if (data("color")) sheet.setColor(data("color"));
    });
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("input", ({ target }) => this.typed(target));
    root.addEventListener("change", ({ target }) => {
      if (target === this.books) this.ask("open", { name: target.value });
      if (target.matches(".tb-caption")) this.caption(target);
    });
  }

  typed(field) {
    if (field.dataset.set === "size") this.sheet.setSize(Number(field.value));
    if (field.dataset.set === "color") this.sheet.setColor(field.value);
    if (!field.matches(".tb-caption")) return;
    field.dataset.typed = "yes";
    fit(field);
  }

  key(event) {
    rove(event, "[data-tool]");
    rove(event, "[data-color]");
    const { target, key } = event;
    if (event.altKey || event.isComposing || event.defaultPrevented) return;
    if (key === "Enter" && target === this.find("name")) this.create();
    else if (key === "Enter" && target.matches(".tb-concept")) this.suggest(target.closest("li"));
    else if (key === "Enter" && target.matches(".tb-caption")) target.blur(); // a caption is one line
    else if (!target.closest(".tb-draw") || target.matches("input")) return;
    else if (!this.sheet.heard(event)) return;
    event.preventDefault();
  }
}

/** A caption is as high as its words. */
function fit(field) {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
}

const EVENTS = {
  seen: (data) => trigger("seen", data),
  open: (data) => trigger("open", data),
  create: (data) => trigger("create", data),
  forget: (data) => trigger("forget", data),
  keep: (data) => trigger("keep", data),
  caption: (data) => trigger("caption", data),
  suggest: (data) => trigger("suggest", data),
  move: (data) => trigger("move", data),
  drop: (data) => trigger("drop", data),
  order: (data) => trigger("order", data),
  propose: (data) => trigger("propose", data),
  shift: (data) => trigger("shift", data),
};

const book = new Book(element.querySelector(".tb"), (name, data) => EVENTS[name](data));
element.book = book; // for tests, and for whoever writes a script
book.load(props.value);
watch("value", () => book.load(props.value));

let wasVisible = false;
new IntersectionObserver((entries) => {
  const isVisible = entries[entries.length - 1].isIntersecting;
  if (isVisible && !wasVisible) book.ask("seen");
  wasVisible = isVisible;
}).observe(element);
