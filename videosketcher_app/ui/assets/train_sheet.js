// The sheet that a sketch of a sketchbook is drawn on, with the co-drawing pen. It plays the desk
// for `Hand`: nothing is sent while the pen moves, and the whole drawing is kept at once.
//
// Times of strokes are seconds since the drawing began.

const DRAFT = "videosketcher.train.sheet";
const MAX_DRAFT_CHARACTERS = 2_000_000; // what a browser keeps is limited
const AFTER_A_BREAK_S = 0.5; // between what a draft holds and the next stroke
const SIZE_STEP_PX = 0.5;

class Sheet {
  /** Tells `page`: changed() after every stroke, keep(), and told(words). */
  constructor(root, page) {
    this.root = root;
    this.page = page;
    this.story = new Story({ width: PAPER_PX[0], height: PAPER_PX[1] }, FPS);
    this.stage = new Stage(root.querySelector(".cd-stage"), this.story);
    this.tool = "pen";
    this.pen = { color: COLORS[0], size: 2.5 };
    this.smooth = true;
    this.mayTell = true;
    this.link = { send() {} }; // a stroke concerns nobody before the drawing is kept
    this.steps = [[]]; // the drawing after each change, oldest first
    this.at = 0;
    this.hand = new Hand(this);
    this.load(readDraft());
  }

  get strokes() {
    return this.steps[this.at];
  }

  get isBlank() {
    return !this.strokes.length;
  }

  load(strokes) {
    this.steps = strokes.length ? [[], strokes] : [[]];
    this.at = this.steps.length - 1;
    this.show();
  }

  // What Hand asks and tells.

  mayDraw() {
    return true;
  }

  drawn(stroke) {
    if (stroke.erase) {
      this.erase(stroke);
      return;
    }
    this.origin ??= stroke.points[0][2] - this.resumeAt();
    const points = stroke.points.map(([x, y, time, pressure]) => [x, y, time - this.origin, pressure]);
    this.change([...this.strokes, { ...stroke, points }]);
  }

  locked() {}

  viewChanged() {
    this.stage.redraw();
  }

  /** A drawing that was begun earlier goes on where it ended. */
  resumeAt() {
    return this.isBlank ? 0 : Math.max(...this.strokes.map(strokeEnd)) + AFTER_A_BREAK_S;
  }

  /** Takes away whole strokes, so that the film of the drawing shows only what stays. */
  erase(eraser) {
    const kept = this.strokes.filter((stroke) => !isTouched(stroke, eraser));
    if (kept.length < this.strokes.length) this.change(kept);
    else this.stage.redraw();
  }

  change(strokes) {
    this.steps = [...this.steps.slice(0, this.at + 1), strokes];
    this.at += 1;
    this.show();
  }

  /** Goes back and forth over the changes. */
  travel(by) {
    this.at = clamp(this.at + by, 0, this.steps.length - 1);
    this.show();
  }

  clear() {
    if (!this.isBlank) this.change([]);
  }

  /** After a drawing was kept: what was drawn since stays. */
  dropKept(kept) {
    this.load(this.strokes.filter((stroke) => !kept.includes(stroke)));
  }

  show() {
    if (this.isBlank) this.origin = null;
    this.story.pending = this.strokes;
    this.stage.redraw();
    writeDraft(this.strokes);
    this.page.changed();
  }

  /** The drawing as files keep strokes; times in frames, from the first touch on. */
  values() {
    const first = Math.min(...this.strokes.map((stroke) => stroke.points[0][2]));
    const round = (value, digits) => Number(value.toFixed(digits));
    return this.strokes.map(({ points, color, size }) => ({
      points: points.map(([x, y, time, pressure]) => [
        round(x, 2), round(y, 2), round((time - first) * FPS, 2), round(pressure, 3),
      ]),
      color,
      width: size,
    }));
  }

  // Tools.

  setTool(tool) {
    this.tool = tool;
    choose(this.root, "[data-tool]", (button) => button.dataset.tool === tool);
  }

  setColor(color) {
    this.pen.color = color;
    choose(this.root, "[data-color]", (button) => button.dataset.color === color);
    if (this.tool === "eraser") this.setTool("pen");
  }

  setSize(size) {
    const slider = this.root.querySelector("[data-set=size]");
    this.pen.size = clamp(size, Number(slider.min), Number(slider.max));
    slider.value = this.pen.size;
    slider.nextElementSibling.textContent = say("size_value", { size: this.pen.size });
    if (this.hand.cursor) this.hand.cursor.size = this.pen.size;
  }

  toggleKeys() {
    const on = this.hand.toggleCursor();
    this.root.querySelector("[data-do=keys]").setAttribute("aria-pressed", String(on));
    this.page.told(say(on ? "key_pen_on" : "key_pen_off"));
    if (on) this.stage.live.focus();
  }

  pressCursor() {
    this.page.told(say(this.hand.pressCursor() ? "pen_down" : "pen_up"));
  }

  /** Keys on the paper and its tools; true if the key meant something. */
  heard(event) {
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" && key !== "y") return false;
      this.travel(key === "y" || event.shiftKey ? 1 : -1);
      return true;
    }
    const letters = {
      b: () => this.setTool("pen"),
      e: () => this.setTool("eraser"),
      l: () => this.setTool("line"),
      d: () => this.toggleKeys(),
      "[": () => this.setSize(this.pen.size - SIZE_STEP_PX),
      "]": () => this.setSize(this.pen.size + SIZE_STEP_PX),
    };
    if (letters[key]) letters[key]();
    return Boolean(letters[key]) || this.heardOnPaper(event);
  }

  heardOnPaper(event) {
    if (event.target !== this.stage.live) return false;
    if (event.key === "Escape") return this.hand.pen.cancel();
    if (event.key === "Enter") this.page.keep();
    else if (event.key === " " && this.hand.cursor) this.pressCursor();
    else if (ARROWS[event.key] && this.hand.cursor) this.hand.moveCursor(...ARROWS[event.key], event.shiftKey);
    else return false;
    return true;
  }
}

/** True where the eraser came over a line. */
function isTouched(stroke, eraser) {
  const reach = (stroke.size + eraser.size) / 2;
  return eraser.points.some(([x, y]) => stroke.points.some(([px, py], i) => {
    const [qx, qy] = stroke.points[Math.max(0, i - 1)];
    return distanceTo(x, y, px, py, qx, qy) <= reach;
  }));
}

/** From a point to the line between two others. */
function distanceTo(x, y, ax, ay, bx, by) {
  const [dx, dy] = [bx - ax, by - ay];
  const share = clamp(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1), 0, 1);
  return Math.hypot(x - ax - share * dx, y - ay - share * dy);
}

/** What was drawn before the page was loaded again; a page that may keep nothing works as well. */
function readDraft() {
  try {
    const strokes = JSON.parse(localStorage.getItem(DRAFT) ?? "[]");
    return strokes.filter((stroke) => stroke.points.length);
  } catch {
    return [];
  }
}

function writeDraft(strokes) {
  try {
    const text = JSON.stringify(strokes);
    if (!strokes.length) localStorage.removeItem(DRAFT);
    else if (text.length <= MAX_DRAFT_CHARACTERS) localStorage.setItem(DRAFT, text);
  } catch {
    // Private windows refuse; the drawing is on the page all the same.
  }
}
