// Draws what everybody draws. Sends only what this person draws: looking on is not use, so a board
// nobody draws on falls asleep.
const canvas = document.getElementById('board');
const people = document.getElementById('people');
const tools = document.getElementById('tools');
const drawing = canvas.getContext('2d');
const sendEveryMs = 40;
const maxPointsOfStroke = 64;
const maxStrokes = 5000;
const keyStep = 16;

let socket = null;
let waitMs = 1000;
let strokes = [];
let colors = [];
let pending = [];
let pen = null;
let ink = 0;

connect();

/** Comes back by itself, ever more patiently: a board that sleeps is not woken by a forgotten tab. */
function connect() {
  socket = new WebSocket(new URL('socket', document.baseURI).href.replace(/^http/, 'ws'));
  socket.addEventListener('open', () => {
    waitMs = 1000;
  });
  socket.addEventListener('message', ({ data }) => take(JSON.parse(data)));
  socket.addEventListener('close', () => {
    people.textContent = 'Not connected. Trying again; or reload this page.';
    setTimeout(connectWhenSeen, waitMs * (0.75 + Math.random() / 2));
    waitMs = Math.min(waitMs * 2, 30_000);
  });
}

function connectWhenSeen() {
  if (document.visibilityState === 'visible') connect();
  else document.addEventListener('visibilitychange', connectWhenSeen, { once: true });
}

function take(message) {
  if (message.type === 'board') {
    strokes = message.strokes;
    redraw();
  }
  if (message.type === 'stroke') {
    keep(message);
    draw(message);
  }
  if (message.type === 'clear') {
    strokes = [];
    redraw();
  }
  if (message.people !== undefined) {
    people.textContent =
      message.people === 1 ? 'Only you are here' : `${message.people} people are here`;
  }
}

function redraw() {
  const style = getComputedStyle(document.documentElement);
  colors = [0, 1, 2, 3, 4, 5].map((color) => style.getPropertyValue(`--ink-${color}`));
  drawing.clearRect(0, 0, canvas.width, canvas.height);
  strokes.forEach(draw);
}

function draw({ color, points }) {
  drawing.strokeStyle = colors[color];
  drawing.lineWidth = 6;
  drawing.lineCap = 'round';
  drawing.lineJoin = 'round';
  drawing.beginPath();
  const [first, ...rest] = points;
  drawing.moveTo(...first);
  for (const point of rest.length > 0 ? rest : [first]) drawing.lineTo(...point);
  drawing.stroke();
}

/** The pen moves to a point; a piece of the line is sent a few times a second. */
function moveTo(point) {
  if (pen === null) ink = Number(new FormData(tools).get('color'));
  if (pending.length === 0) setTimeout(flush, sendEveryMs);
  if (pending.length === 0 && pen !== null) pending.push(pen);
  draw({ color: ink, points: pen === null ? [point] : [pen, point] });
  pending.push(point);
  pen = point;
  if (pending.length >= maxPointsOfStroke) flush();
}

function lift() {
  flush();
  pen = null;
}

function flush() {
  if (pending.length === 0) return;
  const stroke = { color: ink, points: pending };
  pending = [];
  keep(stroke);
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify({ type: 'stroke', ...stroke }));
  }
}

/** For drawing anew in another colour scheme; bounded like the server's own. */
function keep(stroke) {
  strokes.push(stroke);
  if (strokes.length > maxStrokes) strokes.shift();
}

function pointOf(event) {
  const box = canvas.getBoundingClientRect();
  const within = (value, limit) => Math.round(Math.min(Math.max(value, 0), 1) * limit);
  return [
    within((event.clientX - box.left) / box.width, canvas.width),
    within((event.clientY - box.top) / box.height, canvas.height),
  ];
}

canvas.addEventListener('pointerdown', (event) => {
  if (event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  pen = null;
  moveTo(pointOf(event));
});
canvas.addEventListener('pointermove', (event) => {
  if (pen === null || !canvas.hasPointerCapture(event.pointerId)) return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) moveTo(pointOf(each));
});
for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, lift);
document.getElementById('clear').addEventListener('click', () => {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'clear' }));
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let at = [canvas.width / 2, canvas.height / 2];
canvas.addEventListener('keydown', (event) => {
  const step = steps[event.key];
  if (step === undefined && event.key !== ' ') return;
  event.preventDefault();
  if (step !== undefined) {
    const move = (index, limit) => Math.min(Math.max(at[index] + step[index] * keyStep, 0), limit);
    at = [move(0, canvas.width), move(1, canvas.height)];
    if (pen !== null) moveTo(at);
  } else if (pen === null) moveTo(at);
  else lift();
});
canvas.addEventListener('blur', lift);
redraw();
