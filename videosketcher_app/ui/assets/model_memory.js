// What is loaded where, how much the app may use, and what the machine can do.

class Memory {
  constructor(root, send) {
    this.root = root;
    this.send = send;
    this.slider = this.find("input");
    this.isHeld = false; // between the first move of the slider and the answer to the last one
    this.slider.addEventListener("input", () => this.slide());
    this.slider.addEventListener("change", () => this.send("budget", { gb: Number(this.slider.value) }));
    root.addEventListener("click", ({ target }) => {
      const act = target.closest("[data-do]")?.dataset.do;
      if (act) this.send(act, {});
    });
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  load(value) {
    if (!value) return;
    this.write(".mm-places", value.places);
    this.write(".mm-results", value.results);
    this.budget(value.budget);
    this.say(".mm-measured", value.measured);
    if (value.words) this.tell(value.words, value.ok); // news without words leave the last ones
    this.move(value.moving);
    for (const button of this.root.querySelectorAll("[data-do]")) {
      button.hidden = !value.can.includes(button.dataset.do);
      button.disabled = value.moving !== null;
    }
  }

  tell(words, ok) {
    this.say(".mm-told", words);
    this.find(".mm-told").classList.toggle("cd-alert", !ok);
  }

  /** Late news must not take the slider out of a hand. */
  budget(budget) {
    this.find(".mm-budget").hidden = budget === null;
    if (budget === null || (this.isHeld && budget.gb !== Number(this.slider.value))) return;
    this.isHeld = false;
    [this.slider.min, this.slider.max, this.slider.step] = [budget.min, budget.max, budget.step];
    this.slider.value = budget.gb;
    this.sayBudget();
  }

  slide() {
    this.isHeld = true;
    this.sayBudget();
  }

  sayBudget() {
    const words = TEXT.budget_of
      .replace("{gb}", Number(this.slider.value).toFixed(1))
      .replace("{total}", Number(this.slider.max).toFixed(1));
    this.say("output", words);
    this.slider.setAttribute("aria-valuetext", words);
  }

  move(moving) {
    this.find(".mm-moving").hidden = moving === null;
    if (moving === null) return;
    const bar = this.find(".mm-moving progress");
    if (moving.total) [bar.max, bar.value] = [moving.total, moving.done];
    else bar.removeAttribute("value");
    this.say(".mm-facts", moving.words);
  }

  say(selector, words) {
    const place = this.find(selector);
    if (place.textContent !== words) place.textContent = words;
  }

  write(selector, html) {
    const place = this.find(selector);
    if (place.written === html) return;
    place.written = html;
    place.innerHTML = html;
  }
}

const EVENTS = {
  budget: (data) => trigger("budget", data),
  calibrate: (data) => trigger("calibrate", data),
  self_test: (data) => trigger("self_test", data),
};

const memory = new Memory(element.querySelector(".mm"), (name, data) => EVENTS[name](data));
memory.load(props.value);
watch("value", () => memory.load(props.value));
