// The list of what is drawn and what waits. Its words are written as text, never as HTML. Rows stay
// in place while news arrive, so that nobody's focus is taken; a closed list asks for nothing.

const GAP_PX = 8;

class Queue {
  constructor(root, send) {
    this.root = root;
    this.send = send;
    this.rows = new Map(); // id -> its <li>
    this.button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
    this.find(".qp-close").addEventListener("click", () => this.close());
    this.find(".qp").addEventListener("keydown", (event) => this.escaped(event));
    this.find(".qp-rows").addEventListener("click", ({ target }) => this.pressed(target.closest("[data-do]")));
    const clear = this.find(".qp-clear");
    clear.addEventListener("click", () => pressTwice(clear, () => this.clear(clear)));
    document.addEventListener("pointerdown", ({ target }) => {
      if (this.isOpen && !this.root.contains(target)) this.close({ givesFocusBack: false });
    });
    window.addEventListener("resize", () => this.isOpen && this.place());
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  get button() {
    return this.find(".qp-open");
  }

  get panel() {
    return this.find(".qp-panel");
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  open() {
    this.panel.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.say(".qp-told", "");
    this.place();
    this.send("opened", {});
  }

  close({ givesFocusBack = true } = {}) {
    this.panel.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    if (givesFocusBack) this.button.focus();
    this.send("closed", {});
  }

  /** Above the bar, whatever the bar's height is. */
  place() {
    const bar = this.root.closest(".vs-bar") ?? this.button;
    this.panel.style.bottom = `${innerHeight - bar.getBoundingClientRect().top + GAP_PX}px`;
    const right = innerWidth - this.button.getBoundingClientRect().right;
    this.panel.style.right = `${Math.max(GAP_PX, Math.min(right, innerWidth - this.panel.offsetWidth - GAP_PX))}px`;
  }

  escaped(event) {
    if (event.key !== "Escape" || !this.isOpen) return;
    event.stopPropagation();
    this.close();
  }

  load(value) {
    if (!value) return;
    this.say(".qp-open", value.label);
    if (!value.rows) return; // news for a closed list
    this.show(value.rows);
    this.find(".qp-empty").hidden = value.rows.length > 0;
    this.say(".qp-hidden", value.hidden);
    this.offer(this.find(".qp-clear"), value.can_clear);
    if (value.words) this.tell(value);
  }

  tell({ words, ok }) {
    this.say(".qp-told", words);
    this.find(".qp-told").classList.toggle("qp-alert", !ok);
  }

  show(rows) {
    const list = this.find(".qp-rows");
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    const at = focused ? [...list.children].indexOf(focused.closest("li")) : -1;
    const shown = new Set(rows.map(({ id }) => id));
    for (const [id, item] of this.rows) {
      if (shown.has(id)) continue;
      item.remove();
      this.rows.delete(id);
    }
    rows.forEach((row, index) => {
      const item = this.rows.get(row.id) ?? this.made(row.id);
      if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
      this.fill(item, row);
    });
    if (focused) this.keepFocus(focused, at);
  }

  made(id) {
    const item = document.createElement("li");
    item.className = "qp-row";
    item.dataset.id = id;
    const [what, turn, whose, when] = ["qp-what", "qp-turn", "qp-whose", "qp-when"].map((className) =>
      Object.assign(document.createElement("span"), { className }));
    turn.append(whose, when);
    item.append(what, turn);
    for (const name of ["first", "stop"]) {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "qp-word" });
      button.dataset.do = name;
      item.append(button);
    }
    this.rows.set(id, item);
    return item;
  }

  fill(item, row) {
    item.classList.toggle("qp-running", row.is_running);
    for (const name of ["what", "whose", "when"]) this.write(item.querySelector(`.qp-${name}`), row[name]);
    const [first, stop] = item.querySelectorAll("button");
    this.name(first, TEXT.first, row);
    this.name(stop, row.is_running ? TEXT.stop : TEXT.remove, row);
    first.hidden = !row.can_move;
    stop.hidden = !row.can_stop;
  }

  name(button, words, row) {
    this.write(button, words);
    button.setAttribute("aria-label", `${words}: ${row.what}, ${row.whose}`);
  }

  /** Whoever pressed a button that is gone goes on at the same place of the list. */
  keepFocus(focused, at) {
    const isThere = focused.isConnected && !focused.hidden;
    const row = this.find(".qp-rows").children[at];
    const next = isThere ? focused : row?.querySelector("button:not([hidden])");
    (next ?? this.find(".qp-head h2")).focus({ preventScroll: true });
  }

  offer(button, isOn) {
    const hadFocus = button === document.activeElement;
    button.hidden = !isOn;
    if (hadFocus && !isOn) this.find(".qp-head h2").focus({ preventScroll: true });
  }

  pressed(button) {
    if (button) this.send(button.dataset.do, { id: button.closest("li").dataset.id });
  }

  clear(button) {
    button.blur(); // it asks again next time
    this.find(".qp-head h2").focus({ preventScroll: true });
    this.send("clear", {});
  }

  say(selector, words) {
    this.write(this.find(selector), words);
  }

  write(place, words) {
    if (place.textContent !== words) place.textContent = words;
  }
}

const EVENTS = {
  opened: (data) => trigger("opened", data),
  closed: (data) => trigger("closed", data),
  stop: (data) => trigger("stop", data),
  first: (data) => trigger("first", data),
  clear: (data) => trigger("clear", data),
};

const queue = new Queue(element, (name, data) => EVENTS[name](data));
queue.load(props.value);
watch("value", () => queue.load(props.value));
