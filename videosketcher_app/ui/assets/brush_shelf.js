// The shelf: brushes narrowed down by words, medium and stars. Words arrive as text, never as HTML.

class BrushShelf {
  constructor(root, send) {
    this.root = root;
    this.send = send;
    this.medium = "";
    this.search = root.querySelector(".bs-search");
    this.stars = root.querySelector(".bs-stars");
    this.grid = root.querySelector(".bs-grid");
    this.media = root.querySelector(".bs-media");
    this.brushes = [];
    this.chosen = [];
    this.wasPicked = false;
    this.search.addEventListener("input", () => this.narrow());
    this.stars.hidden = SEVERAL;
    this.stars.addEventListener("click", () => {
      const on = this.stars.getAttribute("aria-pressed") !== "true";
      this.stars.setAttribute("aria-pressed", String(on));
      this.narrow();
    });
    this.grid.addEventListener("click", (event) => this.onClick(event));
    this.grid.addEventListener("keydown", (event) => this.onKey(event));
  }

  load(value) {
    const brushes = value?.brushes ?? [];
    // Tiles that have not changed stay: a press on one must not lose it between down and up.
    const isNew = JSON.stringify(brushes) !== JSON.stringify(this.brushes);
    this.brushes = brushes;
    // What several brushes are picked is known here first: a late answer must not take picks away.
    if (!SEVERAL || !this.wasPicked) this.chosen = value?.chosen ?? [];
    if (isNew) this.build();
    this.narrow();
  }

  build() {
    const focused = document.activeElement?.closest?.(".bs-brush")?.dataset.name;
    this.grid.replaceChildren(...this.brushes.map((brush) => this.tile(brush)));
    this.fillMedia();
    if (focused) this.tileOf(focused)?.querySelector(".bs-pick").focus({ preventScroll: true });
  }

  fillMedia() {
    const groups = new Map([["", TEXT.all], ...this.brushes.map((brush) => [brush.medium, brush.group])]);
    if (!groups.has(this.medium)) this.medium = "";
    const chips = [...groups].map(([medium, words]) => {
      const chip = this.button("bs-chip", words);
      chip.dataset.medium = medium;
      chip.addEventListener("click", () => {
        this.medium = medium;
        this.narrow();
      });
      return chip;
    });
    this.media.replaceChildren(...chips);
  }

  tile(brush) {
    const tile = document.createElement("li");
    tile.className = "bs-brush";
    tile.dataset.name = brush.name;
    const pick = this.button("bs-pick", "");
    const picture = new Image();
    picture.alt = "";
    picture.src = brush.picture;
    const title = document.createElement("span");
    title.textContent = brush.title;
    pick.append(picture, title);
    tile.append(pick);
    if (!SEVERAL) tile.append(this.star(brush));
    if (!SEVERAL && brush.own) tile.append(this.remover(brush));
    return tile;
  }

  star(brush) {
    const star = this.button("bs-star", "★");
    star.setAttribute("aria-pressed", String(brush.starred));
    star.setAttribute("aria-label", filled("star", brush));
    star.title = TEXT.star_short;
    return star;
  }

  remover(brush) {
    const remove = this.button("bs-remove", "×");
    remove.setAttribute("aria-label", filled("remove", brush));
    remove.title = TEXT.remove_short;
    return remove;
  }

  button(name, words) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = name;
    button.textContent = words;
    return button;
  }

  narrow() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const starredOnly = this.stars.getAttribute("aria-pressed") === "true";
    let found = 0;
    for (const brush of this.brushes) {
      const text = `${brush.title} ${brush.group}`.toLowerCase();
      const fits = (!this.medium || brush.medium === this.medium)
        && (!starredOnly || brush.starred) && words.every((word) => text.includes(word));
      const tile = this.tileOf(brush.name);
      tile.hidden = !fits;
      const isChosen = this.chosen.includes(brush.name);
      tile.classList.toggle("bs-chosen", isChosen);
      tile.querySelector(".bs-pick").setAttribute("aria-pressed", String(isChosen));
      found += fits;
    }
    for (const chip of this.media.children) {
      chip.setAttribute("aria-pressed", String(chip.dataset.medium === this.medium));
    }
    this.root.querySelector(".bs-none").hidden = found > 0 || !this.brushes.length;
  }

  tileOf(name) {
    return [...this.grid.children].find((tile) => tile.dataset.name === name);
  }

  onClick({ target }) {
    const tile = target.closest(".bs-brush");
    const button = target.closest("button");
    if (!tile || !button) return;
    const { name } = tile.dataset;
    if (button.classList.contains("bs-star")) this.turnStar(name);
    else if (button.classList.contains("bs-remove")) this.askToRemove(button, name);
    else this.pick(name);
  }

  turnStar(name) {
    const brush = this.brushes.find((one) => one.name === name);
    brush.starred = !brush.starred;
    this.tileOf(name).querySelector(".bs-star").setAttribute("aria-pressed", String(brush.starred));
    this.send("star", { name, on: brush.starred });
  }

  /** The first press asks, the second removes. */
  askToRemove(button, name) {
    if (button.classList.contains("bs-sure")) {
      this.send("remove", { name });
      return;
    }
    button.classList.add("bs-sure");
    button.textContent = TEXT.remove_sure;
    button.addEventListener("blur", () => {
      button.classList.remove("bs-sure");
      button.textContent = "×";
    }, { once: true });
  }

  pick(name) {
    if (!SEVERAL) {
      this.chosen = [name];
      this.send("pick", { name });
    } else {
      const others = this.chosen.filter((one) => one !== name);
      if (others.length === this.chosen.length && others.length >= MAX_PICKED) return;
      this.chosen = others.length === this.chosen.length ? [...others, name] : others;
      this.wasPicked = true;
      this.send("picks", { names: this.chosen });
    }
    this.narrow();
  }

  /** Arrow keys walk over the brushes that are shown, up and down by the columns there are. */
  onKey(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step || !event.target.classList.contains("bs-pick")) return;
    const shown = [...this.grid.querySelectorAll(".bs-brush:not([hidden]) .bs-pick")];
    const top = shown[0].getBoundingClientRect().top;
    const columns = shown.filter((one) => Math.abs(one.getBoundingClientRect().top - top) < 4).length;
    const next = shown[shown.indexOf(event.target) + step[0] + step[1] * columns];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

function filled(name, brush) {
  return TEXT[name].replace("{title}", brush.title);
}

const shelf = new BrushShelf(element.querySelector(".bs"), (name, data) => {
  if (name === "pick") trigger("pick", data);
  else if (name === "picks") trigger("picks", data);
  else if (name === "star") trigger("star", data);
  else trigger("remove", data);
});
shelf.load(props.value);
watch("value", () => shelf.load(props.value));

let wasVisible = false;
new IntersectionObserver((entries) => {
  const isVisible = entries[entries.length - 1].isIntersecting;
  if (isVisible && !wasVisible) trigger("seen", {});
  wasVisible = isVisible;
}).observe(element);
