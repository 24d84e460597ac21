// A long press with a finger, as the right button of a mouse is on a desk.

const LONG = 450;
/** How far, in pixels, the finger may move. */
const STILL = 10;

let isHeld = false;

/** Whether the finger of a long press is still down. */
export const isPressing = () => isHeld;

/** Calls back with the element of a kind in `box` that is pressed for long; by then it may have been replaced. A finger
 * that scrolls has its pointer cancelled; what scrolls by itself, because something is added below, leaves the press. */
export function onLongPress(box, kind, callback) {
  let timer = 0;
  let start = null;
  const stop = () => clearTimeout(timer);
  box.addEventListener("pointerdown", (event) => {
    stop();
    // What has a long press of its own in browsers keeps that.
    if (event.pointerType !== "touch" || !event.isPrimary || event.target.closest("a, input, textarea")) return;
    const element = event.target.closest(kind);
    if (!element) return;
    start = event;
    timer = setTimeout(() => {
      isHeld = true;
      callback(element);
    }, LONG);
  });
  box.addEventListener("pointermove", (event) => {
    if (start && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > STILL) stop();
  });
  box.addEventListener("contextmenu", (event) => event.pointerType === "touch" && !event.target.closest("a") && event.preventDefault());
  for (const end of ["pointerup", "pointercancel"]) {
    addEventListener(end, () => {
      stop();
      if (!isHeld) return;
      isHeld = false;
      swallowClick();
    });
  }
}

/** The click that may follow is not meant for what has appeared below the finger. */
function swallowClick() {
  const ended = new AbortController();
  const { signal } = ended;
  addEventListener("click", (event) => {
    event.preventDefault();
    event.stopPropagation();
    ended.abort();
  }, { signal, capture: true });
  // Neither is the focus, which the mouse event before the click would move there.
  addEventListener("mousedown", (event) => event.preventDefault(), { signal, capture: true });
  addEventListener("pointerdown", () => ended.abort(), { signal, capture: true });
}
