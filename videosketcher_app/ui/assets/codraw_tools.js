// The tools and choices of the desk: what its buttons, lists and switches say and do.

Object.assign(Desk.prototype, {
  setTool(tool) {
    this.tool = tool;
    this.hand.pen.mode = tool === "hand" ? "move" : "draw";
    this.stage.root.classList.toggle("cd-moving", tool === "hand");
    choose(this.root, "[data-tool]", (button) => button.dataset.tool === tool);
  },

  setColor(color) {
    this.pen.color = color;
    choose(this.root, "[data-color]", (button) => button.dataset.color === color);
    if (this.tool === "eraser") this.setTool("pen");
  },

  setSize(size) {
    const slider = this.select("size");
    this.pen.size = clamp(size, Number(slider.min), Number(slider.max));
    slider.value = this.pen.size;
    slider.nextElementSibling.textContent = say("size_value", { size: this.pen.size });
    if (this.hand.cursor) this.hand.cursor.size = this.pen.size;
  },

  setSmooth(smooth) {
    this.smooth = smooth;
    this.button("smooth").setAttribute("aria-pressed", String(smooth));
  },

  toggleKeys() {
    const on = this.hand.toggleCursor();
    this.button("keys").setAttribute("aria-pressed", String(on));
    this.told(say(on ? "key_pen_on" : "key_pen_off"));
    if (on) this.stage.live.focus();
  },

  pressCursor() {
    this.told(say(this.hand.pressCursor() ? "pen_down" : "pen_up"));
  },

  /** A session hears of it at once; a later one is begun with it. */
  setMode(list) {
    if (this.isReady || this.isStarting) this.say({ kind: "settings", mode: list.value });
    this.told(say("mode_later", { mode: list.selectedOptions[0].text }));
  },

  /** A picture to start from, no larger than the paper needs. */
  async loadBackground(file) {
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (!bitmap) {
      this.told(say("bad_picture"), true);
      return;
    }
    const { width, height } = this.story.paper;
    const scale = Math.min(1, Math.max(width / bitmap.width, height / bitmap.height));
    const canvas = blankCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
    const context = canvas.getContext("2d");
    context.fillStyle = PAPER;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    this.say({ kind: "background", picture: canvas.toDataURL("image/jpeg", 0.92) });
  },
});

function fillChoices(desk) {
  fillPapers(desk, SIZES);
  const pauses = PAUSES_S.map((seconds) => new Option(say("pause_value", { seconds }), seconds));
  desk.select("pause").replaceChildren(new Option(say("pause_off"), 0), ...pauses);
}

/** The papers on offer; the one that was chosen stays, or the one at its place. */
function fillPapers(desk, sizes) {
  const list = desk.select("canvas");
  const place = Math.min(Math.max(list.selectedIndex, 0), sizes.length - 1);
  list.replaceChildren(...sizes.map(([width, height]) => new Option(`${width} × ${height}`, `${width}x${height}`)));
  list.selectedIndex = place;
}

function listen(desk) {
  const { root } = desk;
  root.addEventListener("click", ({ target }) => {
    const data = (name) => target.closest(`[data-${name}]`)?.dataset[name];
    if (data("do")) desk.actions[data("do")]();
    else if (data("tool")) desk.setTool(data("tool"));
    else if (data("color")) desk.setColor(data("color"));
    else if (data("file")) desk.files.want(data("file"));
  });
  root.addEventListener("keydown", (event) => {
    rove(event, "[data-tool]");
    rove(event, "[data-color]");
  });
  const on = (name, kind, act) => desk.select(name).addEventListener(kind, ({ target }) => act(target));
  const setting = (name) => on(name, "change", ({ checked }) => desk.say({ kind: "settings", [name]: checked }));
  on("size", "input", ({ value }) => desk.setSize(Number(value)));
  on("color", "input", ({ value }) => desk.setColor(value));
  on("canvas", "change", () => desk.startNew());
  on("mode", "change", (list) => desk.setMode(list));
  on("pause", "change", () => desk.restless());
  on("background", "change", ({ files }) => files.length && desk.loadBackground(files[0]));
  on("raw", "change", ({ checked }) => {
    desk.story.raw = checked;
    desk.redraw();
  });
  ["tutor", "match_hand", "raw"].forEach(setting);
}

/** The switches as the server has them. */
function showSettings(desk, { settings, width, height }) {
  for (const name of ["tutor", "match_hand", "raw"]) desk.select(name).checked = Boolean(settings?.[name]);
  desk.select("mode").value = settings?.mode ?? "exact";
  desk.story.raw = Boolean(settings?.raw);
  const choice = `${width}x${height}`;
  const list = desk.select("canvas");
  if (![...list.options].some(({ value }) => value === choice)) list.append(new Option(`${width} × ${height}`, choice));
  list.value = choice;
}

const desk = new Desk(element.querySelector(".codraw"));
element.codraw = desk; // for tests, and for whoever writes a script
