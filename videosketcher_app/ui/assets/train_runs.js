// The board of training runs. Python writes what only shows as HTML, with every word escaped; what
// can be pressed or chosen stays in place, so that news every second takes nobody's focus.

class Board {
  constructor(root, send) {
    this.root = root;
    this.send = send;
    this.run = "";
    this.written = new Map(); // element -> its HTML
    this.find(".tr").addEventListener("click", ({ target }) => this.pressed(target.closest("[data-do]")));
    this.find(".tr").addEventListener("change", ({ target }) => {
      if (target.dataset.set) target.dataset.chosen = target.value;
    });
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  choice(name) {
    return this.find(`[data-set="${name}"]`);
  }

  load(value) {
    if (!value) return;
    const { run } = value;
    const isOther = run.id !== this.run;
    if (isOther) this.forgetChoices();
    this.run = run.id;
    this.write(".tr-list", value.list);
    if (value.words || isOther) this.tell(value); // news of the run itself leave the last words
    this.find(".tr-run").hidden = !run.id;
    if (run.id) this.show(run);
    if (value.pair !== null) this.write(".tr-pair", value.pair);
  }

  tell({ words, ok }) {
    this.say(".tr-told", words);
    this.find(".tr-told").classList.toggle("cd-alert", !ok);
  }

  show(run) {
    this.say(".tr-name", run.name);
    this.say(".tr-state", run.state);
    this.find(".tr-run").dataset.state = run.key;
    this.say(".tr-facts", run.facts);
    this.say(".tr-message", run.message);
    this.find(".tr-message").hidden = !run.message;
    const bar = this.find(".tr-progress");
    [bar.max, bar.value] = [run.num_steps || 1, run.step];
    bar.setAttribute("aria-valuetext", run.facts);
    for (const name of ["pause", "go_on", "stop"]) this.offer(name, run.can.includes(name));
    this.find(".tr-use").hidden = !run.can.includes("use");
    this.write(".tr-plot", run.plot);
    this.write(".tr-strip", run.strip);
    this.find(".tr-compare").hidden = run.drawn.length < 2;
    this.fill("step", run.checkpoints, run.checkpoints.length - 1);
    this.fill("left", run.drawn, 0);
    this.fill("right", run.drawn, run.drawn.length - 1);
    this.fill("sample", run.samples, 0);
  }

  /** A button that goes hands its focus to the state, which says why. */
  offer(name, isOn) {
    const button = this.find(`[data-do="${name}"]`);
    const hadFocus = button === document.activeElement;
    button.hidden = !isOn;
    if (!hadFocus || isOn) return;
    const next = this.find(".tr-run .cd-acts button:not([hidden])");
    (next?.offsetParent ? next : this.find(".tr-list button"))?.focus({ preventScroll: true });
  }

  /** Choices with what a person has picked, else with the usual one. */
  fill(name, choices, usual) {
    const list = this.choice(name);
    const text = JSON.stringify(choices);
    if (list.dataset.choices === text) return;
    list.dataset.choices = text;
    list.replaceChildren(...choices.map(([words, value]) => new Option(words, value)));
    const picked = choices.findIndex(([, value]) => String(value) === list.dataset.chosen);
    list.selectedIndex = picked < 0 ? usual : picked;
  }

  forgetChoices() {
    for (const list of this.root.querySelectorAll("[data-set]")) delete list.dataset.chosen;
    this.write(".tr-pair", "");
  }

  say(selector, words) {
    const place = this.find(selector);
    if (place.textContent !== words) place.textContent = words;
  }

  write(selector, html) {
    const place = this.find(selector);
    if (this.written.get(place) === html) return;
    this.written.set(place, html);
    const key = place.contains(document.activeElement) && document.activeElement.dataset.key;
    place.innerHTML = html;
    if (key) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  }

  pressed(button) {
    if (!button) return;
    const { do: name, run } = button.dataset;
    if (name === "play") this.play();
    else if (name === "remove") pressTwice(button, () => this.send(name, { run }));
    else if (name === "use") this.send(name, { run: this.run, step: Number(this.choice("step").value) });
    else if (name === "compare") this.compare();
    else this.send(name, { run: run ?? this.run });
  }

  compare() {
    const [left, right, sample] = ["left", "right", "sample"].map((name) => Number(this.choice(name).value));
    this.send("compare", { run: this.run, left, right, sample });
  }

  /** Both films from the start, in step. */
  play() {
    for (const film of this.root.querySelectorAll(".tr-pair video")) {
      film.currentTime = 0;
      film.play().catch(() => {}); // a film that is taken away meanwhile
    }
  }
}

const EVENTS = {
  pick: (data) => trigger("pick", data),
  pause: (data) => trigger("pause", data),
  go_on: (data) => trigger("go_on", data),
  stop: (data) => trigger("stop", data),
  remove: (data) => trigger("remove", data),
  use: (data) => trigger("use", data),
  compare: (data) => trigger("compare", data),
};

const board = new Board(element, (name, data) => EVENTS[name](data));
board.load(props.value);
watch("value", () => board.load(props.value));

// A board that nobody sees asks for nothing.
let isInView = false;
let wasSeen = false;
function look() {
  const isSeen = isInView && !document.hidden;
  if (isSeen === wasSeen) return;
  wasSeen = isSeen;
  if (isSeen) trigger("seen", {});
  else trigger("hidden", {});
}
new IntersectionObserver((entries) => {
  isInView = entries[entries.length - 1].isIntersecting;
  look();
}).observe(element);
document.addEventListener("visibilitychange", look);
