// What is drawn, and who looks on: bounded, in memory only. A board that slept begins afresh.
const maxStrokes = 5_000;
const maxPoints = 60_000;
const maxPointsOfStroke = 64;
export const colors = 6;
export const width = 1600;
export const height = 1000;

export function createBoard() {
  const people = new Set();
  let strokes = [];
  let points = 0;

  const tell = (message, except) => {
    const text = JSON.stringify(message);
    for (const person of people) if (person !== except) person.send(text);
  };

  return {
    people,
    enter(person) {
      people.add(person);
      person.send(JSON.stringify({ type: 'board', strokes, people: people.size }));
      tell({ type: 'people', people: people.size }, person);
    },
    leave(person) {
      if (people.delete(person)) tell({ type: 'people', people: people.size });
    },
    /** False when the message is not one of ours. */
    take(person, text) {
      const message = parse(text);
      if (message?.type === 'clear') {
        strokes = [];
        points = 0;
        tell({ type: 'clear' });
        return true;
      }
      if (message?.type !== 'stroke' || !isStroke(message)) return false;
      const stroke = { color: message.color, points: message.points };
      strokes.push(stroke);
      points += stroke.points.length;
      // The oldest ink fades first.
      while (strokes.length > maxStrokes || points > maxPoints) {
        points -= strokes.shift().points.length;
      }
      tell({ type: 'stroke', ...stroke }, person);
      return true;
    },
  };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isStroke({ color, points }) {
  if (!Number.isInteger(color) || color < 0 || color >= colors) return false;
  if (!Array.isArray(points) || points.length === 0 || points.length > maxPointsOfStroke) {
    return false;
  }
  return points.every(
    (point) =>
      Array.isArray(point) &&
      point.length === 2 &&
      isWithin(point[0], width) &&
      isWithin(point[1], height),
  );
}

const isWithin = (value, limit) => Number.isInteger(value) && value >= 0 && value <= limit;
