// The plan as boxes on a sheet of paper. Moving or resizing one changes its words at once; when it
// is let go it settles where its words say, since words are all that the model will see.

const DRAG_THRESHOLD_PX = 3;
const SMALLEST_SHARE = 0.03;
const LOW_SHARE = 0.16; // lower boxes have their label underneath
const MOST_LINES = 4; // a label moves no further than this to make room
const CORNERS = ["nw", "ne", "sw", "se"];
const SVG = "http://www.w3.org/2000/svg";

class PlanSheet {
  constructor(element, store, announce) {
    this.element = element;
    this.store = store;
    this.announce = announce;
    this.boxes = new Map();
    this.cell = element.querySelector(".pe-cell");
    element.addEventListener("pointerdown", (event) => this.onDown(event));
    element.addEventListener("keydown", (event) => this.onKey(event));
    element.addEventListener("focusin", ({ target }) => this.store.select(this.idAt(target)));
  }

  idAt(target) {
    return Number(target.closest(".pe-box")?.dataset.id) || null;
  }

  render() {
    const { parts, selected } = this.store;
    const places = boxesOf(parts);
    const wanted = new Set(parts.map((part) => part.id));
    for (const [id, box] of this.boxes) {
      if (wanted.has(id)) continue;
      box.remove();
      this.boxes.delete(id);
    }
    parts.forEach((part, i) => {
      const box = this.boxOf(part.id);
      const held = this.drag?.id === part.id ? this.drag.box : places[i];
      this.fill(box, part, i, othersOf(parts, i));
      position(box, held);
      box.classList.toggle("pe-low", held.height < LOW_SHARE);
      box.classList.toggle("pe-selected", part.id === selected);
    });
    this.spreadLabels();
  }

  /** Labels that would lie on an earlier one move down, line by line. */
  spreadLabels() {
    const placed = [];
    for (const { id } of this.store.parts) {
      const label = this.boxes.get(id).querySelector(".pe-label");
      label.style.marginTop = "";
      const { left, right, top, height } = label.getBoundingClientRect();
      let shift = 0;
      const covers = (other) =>
        left < other.right && right > other.left && Math.abs(top + shift - other.top) < height;
      while (height && shift < MOST_LINES * height && placed.some(covers)) shift += height;
      if (shift) label.style.marginTop = `${shift}px`;
      placed.push({ left, right, top: top + shift });
    }
  }

  boxOf(id) {
    if (!this.boxes.has(id)) {
      const box = document.createElement("div");
      box.className = "pe-box";
      box.dataset.id = id;
      box.tabIndex = 0;
      box.setAttribute("role", "button");
      const corners = CORNERS.map((corner) => `<i class="pe-corner" data-corner="${corner}"></i>`);
      box.innerHTML = `<svg aria-hidden="true"></svg><span class="pe-label"></span>${corners.join("")}`;
      this.element.append(box);
      this.boxes.set(id, box);
    }
    return this.boxes.get(id);
  }

  fill(box, part, i, others) {
    const { shape, plural } = readPart(part, others).layout;
    drawOutline(box.firstElementChild, shape, plural ? 2 : 1);
    box.querySelector(".pe-label").textContent = `${i + 1} ${part.name}`;
    box.setAttribute("aria-label", say("box_label", { number: i + 1, name: part.name, words: part.description }));
  }

  onDown(event) {
    const element = event.target.closest(".pe-box");
    if (event.button) return;
    if (!element) return this.store.select(null);
    event.preventDefault();
    element.focus();
    const id = Number(element.dataset.id);
    const start = boxesOf(this.store.parts)[this.store.index(id)];
    const corner = event.target.dataset.corner;
    this.drag = { id, start, box: start, corner, x: event.clientX, y: event.clientY, moved: false };
    return followPointer(element, event, {
      move: (moved) => this.onMove(moved),
      end: (kept) => this.onEnd(kept),
    });
  }

  onMove(event) {
    const { drag } = this;
    const sheet = this.element.getBoundingClientRect();
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < DRAG_THRESHOLD_PX) return;
    drag.moved = true;
    const step = [dx / sheet.width, dy / sheet.height];
    drag.box = drag.corner ? resized(drag.start, drag.corner, step) : shifted(drag.start, step);
    this.boxes.get(drag.id).classList.add("pe-held");
    this.showCell(drag.corner ? null : placeOf(drag.box));
    this.store.preview(this.rewordedBy(drag));
  }

  /** The parts after a drag so far; a box that stays in its third keeps its words. */
  rewordedBy({ id, start, box, corner }) {
    const parts = this.store.plan.parts;
    const index = parts.findIndex((part) => part.id === id);
    const { layout } = readPart(parts[index], othersOf(parts, index));
    const size = sizeOf(box, layout);
    if (corner && size !== sizeOf(start, layout)) return this.store.rewordedParts(id, { size });
    const place = placeOf(box);
    if (!corner && place !== placeOf(start)) return this.store.rewordedParts(id, { place });
    return parts;
  }

  onEnd(kept) {
    const { drag } = this;
    const parts = kept && drag.moved ? this.rewordedBy(drag) : this.store.plan.parts;
    this.boxes.get(drag.id)?.classList.remove("pe-held");
    this.drag = null;
    this.showCell(null);
    this.store.commit({ parts });
    if (kept && drag.moved) this.announceWords(drag.id);
  }

  showCell(place) {
    this.cell.hidden = !place;
    if (!place) return;
    const [column, row] = WORDS.places[place];
    this.cell.style.left = `${(column * 100) / 3}%`;
    this.cell.style.top = `${(row * 100) / 3}%`;
  }

  announceWords(id) {
    const part = this.store.parts[this.store.index(id)];
    if (part) this.announce(`${part.name}: ${part.description}`);
  }

  onKey(event) {
    const id = this.idAt(event.target);
    if (!id || event.ctrlKey || event.metaKey || event.altKey) return;
    const changes = this.changesOf(event.key, id);
    if (changes) {
      event.preventDefault();
      this.store.commit({ parts: this.store.rewordedParts(id, changes) });
      this.announceWords(id);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this.store.remove(id);
    }
  }

  /** Arrow keys go to the next third, plus and minus to the next size word. */
  changesOf(key, id) {
    const index = this.store.index(id);
    const box = boxesOf(this.store.parts)[index];
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    if (step) {
      const place = neighborOf(placeOf(box), step);
      return place && { place };
    }
    const grow = { "+": 1, "=": 1, "-": -1 }[key];
    if (!grow) return null;
    const { layout } = readPart(this.store.parts[index], othersOf(this.store.parts, index));
    const words = Object.keys(WORDS.sizes);
    const now = words.indexOf(layout.size ?? WORDS.usualSize);
    return { size: words[clamp(now + grow, 0, words.length - 1)] };
  }
}

function neighborOf(place, [dx, dy]) {
  const [column, row] = WORDS.places[place];
  const there = ([, cell]) => cell[0] === column + dx && cell[1] === row + dy;
  return Object.entries(WORDS.places).find(there)?.[0] ?? null;
}

function position(element, box) {
  const percent = (share) => `${(share * 100).toFixed(3)}%`;
  Object.assign(element.style, {
    left: percent(box.x),
    top: percent(box.y),
    width: percent(box.width),
    height: percent(box.height),
    // Small boxes lie above large ones, so that each can be reached.
    zIndex: String(100 - Math.round(90 * Math.sqrt(box.width * box.height))),
  });
}

function shifted(box, [dx, dy]) {
  const x = clamp(box.x + dx, -box.width / 2, 1 - box.width / 2);
  const y = clamp(box.y + dy, -box.height / 2, 1 - box.height / 2);
  return { ...box, x, y };
}

function resized(box, corner, [dx, dy]) {
  const east = corner.includes("e");
  const south = corner.includes("s");
  const width = clamp(box.width + (east ? dx : -dx), SMALLEST_SHARE, 1);
  const height = clamp(box.height + (south ? dy : -dy), SMALLEST_SHARE, 1);
  const x = east ? box.x : box.x + box.width - width;
  const y = south ? box.y : box.y + box.height - height;
  return { x, y, width, height };
}

/** The shape's faint outline, as the sketch grammar draws it; several side by side for a plural. */
function drawOutline(svg, shape, copies = 1) {
  const key = `${shape} ${copies}`;
  if (svg.dataset.key === key) return;
  svg.dataset.key = key;
  svg.setAttribute("viewBox", `-2 -2 ${104 * copies} 104`);
  svg.setAttribute("preserveAspectRatio", "none");
  const paths = Array.from({ length: copies }, (_, i) => {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", OUTLINES[shape] ?? "");
    path.setAttribute("transform", `translate(${104 * i} 0)`);
    return path;
  });
  svg.replaceChildren(...paths);
}
