// The order of a scanned drawing: its groups of strokes as a list that is moved by buttons, and a
// replay of the order on a small paper. Words arrive as text, never as HTML.

const REPLAY_S = 4; // of a whole drawing
const GROUP_PAUSE = 0.03; // of the replay, between two groups

class Order {
  /** Asks `page` with ask(event, data), and shows what it answers. */
  constructor(item, page) {
    this.page = page;
    this.id = item.dataset.id;
    this.root = item.querySelector(".tb-order");
    this.list = this.root.querySelector("ol");
    this.paper = this.root.querySelector("canvas");
    this.value = null;
    this.frame = 0;
    this.root.addEventListener("click", ({ target }) => this.pressed(target.closest("button")));
  }

  get isOpen() {
    return !this.root.hidden;
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.page.ask("order", { id: this.id });
    return this.isOpen;
  }

  close() {
    this.root.hidden = true;
    this.stop();
  }

  load(value) {
    this.value = value;
    this.root.hidden = false;
    this.paper.width = value.width;
    this.paper.height = value.height;
    this.stop();
    this.draw(1);
    const focused = document.activeElement?.dataset?.shift;
    const rows = value.groups.map((group, index) => this.row(group, index));
    const hadFocus = this.list.contains(document.activeElement);
    this.list.replaceChildren(...rows);
    if (hadFocus) this.focus(this.moved ?? 0, focused);
    this.moved = null;
  }

  row({ words, paths }, index) {
    const row = this.root.querySelector("template").content.firstElementChild.cloneNode(true);
    row.querySelector(".tb-group").textContent = words;
    row.querySelector(".tb-strokes").textContent = say("order_strokes", { count: paths.length });
    const names = { number: index + 1, words };
    for (const [by, key] of [["-1", "group_up"], ["1", "group_down"]]) {
      const button = row.querySelector(`[data-shift="${by}"]`);
      button.setAttribute("aria-label", say(key, names));
      button.disabled = by === "-1" ? index === 0 : index === this.value.groups.length - 1;
    }
    const show = row.querySelector("[data-show]");
    show.setAttribute("aria-label", say("group_show", names));
    return row;
  }

  /** The group that was moved keeps the focus, on the same button while that still does something. */
  focus(index, by) {
    const buttons = [...(this.list.children[index]?.querySelectorAll("[data-shift]") ?? [])];
    const same = buttons.find((button) => button.dataset.shift === by && !button.disabled);
    (same ?? buttons.find((button) => !button.disabled))?.focus({ preventScroll: true });
  }

  pressed(button) {
    if (!button) return;
    const index = [...this.list.children].indexOf(button.closest("li"));
    if (button.dataset.shift) {
      this.moved = index + Number(button.dataset.shift);
      this.page.ask("shift", { id: this.id, group: index, index: this.moved });
    } else if (button.dataset.show !== undefined) this.drawGroup(index);
    else if (button.dataset.order === "propose") this.page.ask("propose", { id: this.id });
    else if (button.dataset.order === "replay") this.replay();
  }

  replay() {
    this.stop();
    const begun = performance.now();
    const next = (now) => {
      const share = (now - begun) / 1000 / REPLAY_S;
      this.draw(share);
      this.frame = share < 1 ? requestAnimationFrame(next) : 0;
    };
    this.frame = requestAnimationFrame(next);
  }

  stop() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  /** Draws the share of all ink that is there by now, group after group. */
  draw(share) {
    const lengths = this.value.groups.map(({ paths }) => paths.reduce((sum, path) => sum + lengthOf(path), 0));
    const pause = GROUP_PAUSE * lengths.reduce((sum, length) => sum + length, 0);
    let left = share * lengths.reduce((sum, length) => sum + length + pause, 0);
    if (share >= 1) left = Infinity;
    const pen = this.clean();
    for (const { paths } of this.value.groups) {
      for (const path of paths) left = drawPath(pen, path, left);
      left -= pause;
    }
  }

  /** One group alone, the others faint. */
  drawGroup(index) {
    this.stop();
    const pen = this.clean();
    this.value.groups.forEach(({ paths }, number) => {
      pen.globalAlpha = number === index ? 1 : 0.15;
      for (const path of paths) drawPath(pen, path, Infinity);
    });
    pen.globalAlpha = 1;
  }

  clean() {
    const pen = this.paper.getContext("2d");
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, this.paper.width, this.paper.height);
    pen.lineCap = pen.lineJoin = "round";
    return pen;
  }
}

function lengthOf({ points }) {
  return points.reduce((sum, [x, y], i) => (i ? sum + Math.hypot(x - points[i - 1][0], y - points[i - 1][1]) : 0), 0);
}

/** Draws so much of a path; what is left of the length afterwards. */
function drawPath(pen, { points, color, width }, left) {
  if (left <= 0) return left;
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.beginPath();
  pen.moveTo(...points[0]);
  for (let i = 1; i < points.length && left > 0; i += 1) {
    const [[ax, ay], [bx, by]] = [points[i - 1], points[i]];
    const step = Math.hypot(bx - ax, by - ay);
    const part = step > left ? left / step : 1;
    pen.lineTo(ax + part * (bx - ax), ay + part * (by - ay));
    left -= step;
  }
  pen.stroke();
  return left;
}
