// Change order and pace: segments to drag to other places, their right edges to other lengths.

const SHORTEST_S = 0.2;
const LONGEST_S = 30;
const PACE_STEP_S = 0.1;
const rounded = (seconds) => Math.round(seconds * 100) / 100;

class OrderEditor {
  constructor(element, readout) {
    this.element = element;
    this.readout = readout;
    this.items = [];
    element.addEventListener("pointerdown", (event) => this.onDown(event));
    element.addEventListener("keydown", (event) => this.onKey(event));
  }

  load(parts) {
    this.initial = parts.map((part, index) => ({
      index,
      name: part.name,
      seconds: rounded(Math.max(part.end_s - part.start_s, SHORTEST_S)),
    }));
    this.reset();
  }

  reset() {
    this.items = this.initial.map((item) => ({ ...item }));
    this.rebuild();
  }

  get total() {
    return this.items.reduce((sum, item) => sum + item.seconds, 0);
  }

  get isChanged() {
    return JSON.stringify(this.items) !== JSON.stringify(this.initial);
  }

  /** What Python renders again: shown parts in their new order, seconds of each in that order. */
  get retiming() {
    return {
      order: this.items.map((item) => item.index),
      seconds: this.items.map((item) => item.seconds),
    };
  }

  rebuild(focused = null) {
    const rows = this.items.map((item) => {
      const row = document.createElement("li");
      row.className = `pl-hue${item.index % HUES}`;
      row.tabIndex = 0;
      row.innerHTML = "<b></b><small></small><i class='pl-edge'></i>";
      row.querySelector("b").textContent = item.name;
      return row;
    });
    this.element.replaceChildren(...rows);
    this.render();
    if (focused !== null) rows[focused].focus();
  }

  render() {
    [...this.element.children].forEach((row, i) => {
      const { name, seconds } = this.items[i];
      row.style.flexGrow = String(seconds);
      row.querySelector("small").textContent = `${seconds.toFixed(1)} s`;
      const values = { number: i + 1, count: this.items.length, name, seconds: seconds.toFixed(1) };
      row.setAttribute("aria-label", say("edit_label", values));
    });
    this.readout.textContent = `${this.total.toFixed(1)} s`;
  }

  onDown(event) {
    const row = event.target.closest("li");
    if (!row || event.button) return;
    event.preventDefault();
    row.focus();
    const index = [...this.element.children].indexOf(row);
    if (event.target.classList.contains("pl-edge")) this.dragEdge(row, index, event);
    else this.dragRow(row, index, event);
  }

  dragEdge(row, index, down) {
    const before = this.items[index].seconds;
    const secondsPerPx = this.total / this.element.getBoundingClientRect().width;
    const set = (seconds) => this.setSeconds(index, seconds);
    followPointer(row, down, {
      move: (event) => set(before + (event.clientX - down.clientX) * secondsPerPx),
      end: (kept) => { if (!kept) set(before); },
    });
  }

  setSeconds(index, seconds) {
    this.items[index].seconds = rounded(clamp(seconds, SHORTEST_S, LONGEST_S));
    this.render();
  }

  dragRow(row, from, down) {
    const rows = [...this.element.children];
    const boxes = rows.map((one) => one.getBoundingClientRect());
    let to = from;
    row.classList.add("pl-dragged");
    followPointer(row, down, {
      move: (event) => {
        const moved = event.clientX - down.clientX;
        const middle = boxes[from].left + boxes[from].width / 2 + moved;
        to = boxes.filter((box, i) => i !== from && box.left + box.width / 2 < middle).length;
        row.style.transform = `translateX(${moved}px)`;
        rows.forEach((other, i) => other.classList.toggle("pl-target", i === to && i !== from));
      },
      end: (kept) => this.move(from, kept ? to : from),
    });
  }

  move(from, to) {
    const target = clamp(to, 0, this.items.length - 1);
    this.items.splice(target, 0, ...this.items.splice(from, 1));
    this.rebuild(target);
  }

  onKey(event) {
    const row = event.target.closest("li");
    if (!row || !event.altKey) return;
    const index = [...this.element.children].indexOf(row);
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const grow = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!move && !grow) return;
    event.preventDefault();
    if (move) this.move(index, index + move);
    else this.setSeconds(index, this.items[index].seconds + grow * PACE_STEP_S);
  }
}
