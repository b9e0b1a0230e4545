// Where the paper lies on the screen: it fits its frame at zoom 1, and may be zoomed and moved.

const MAX_ZOOM = 8;

class View {
  /** @param paper {width, height} in pixels of the drawing; never stretched. */
  constructor(paper) {
    this.paper = paper;
    this.zoom = 1;
    this.x = 0; // of the paper's left edge, in pixels of the screen
    this.y = 0;
    this.fit = 1; // pixels of the screen for one of the paper, at zoom 1
  }

  /** Pixels of the screen for one pixel of the paper. */
  get scale() {
    return this.fit * this.zoom;
  }

  resize(width) {
    this.fit = width / this.paper.width;
    this.keepInside();
  }

  /** Zooms by a factor; the point of the paper under (x, y) stays where it is. */
  zoomAt(factor, x, y) {
    const zoom = clamp(this.zoom * factor, 1, MAX_ZOOM);
    const change = zoom / this.zoom;
    this.x = x - (x - this.x) * change;
    this.y = y - (y - this.y) * change;
    this.zoom = zoom;
    this.keepInside();
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.keepInside();
  }

  reset() {
    this.zoom = 1;
    this.keepInside();
  }

  keepInside() {
    const hidden = this.zoom - 1;
    this.x = clamp(this.x, -this.paper.width * this.fit * hidden, 0);
    this.y = clamp(this.y, -this.paper.height * this.fit * hidden, 0);
  }

  /** A place on the element, in pixels of the paper. */
  toPaper(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  /** Lets a context draw in pixels of the paper. */
  apply(context, ratio) {
    const scale = this.scale * ratio;
    context.setTransform(scale, 0, 0, scale, this.x * ratio, this.y * ratio);
  }
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
