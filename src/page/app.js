// A chat client on the line protocol: every text frame is one line.
//
// What the server sends is only ever shown as text, never as HTML.

const MAX_LINES = 2000;
const MAX_REMEMBERED = 100;
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30000;

const byId = (id) => document.getElementById(id);
const log = byId("log");
const state = byId("state");
const signIn = byId("sign-in");
const nickname = byId("nickname");
const hint = byId("sign-in-hint");
const talk = byId("talk");
const input = byId("line");
const reconnect = byId("reconnect");
const newest = byId("newest");

/** The open or opening socket. */
let socket = null;
/** What we call ourselves; empty before signing in. */
let name = "";
/** Whether the server has accepted the nickname on this socket. */
let welcome = false;
/** Lines the server sent before it accepted the nickname. */
let greeting = [];
/** Whether the user asked to leave. */
let quitting = false;
let pause = FIRST_PAUSE;
let timer = 0;

// Connection ---------------------------------------------------------------

function connect() {
  clearTimeout(timer);
  reconnect.hidden = true;
  quitting = false;
  welcome = false;
  greeting = [];
  show("offline", "Connecting…");
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const opened = new WebSocket(`${scheme}//${location.host}/ws`);
  socket = opened;
  opened.addEventListener("open", () => opened.send(name));
  opened.addEventListener("message", (event) => {
    if (socket === opened && typeof event.data === "string") received(event.data);
  });
  opened.addEventListener("close", (event) => {
    if (socket === opened) lost(event);
  });
}

function received(frame) {
  for (const line of frame.replace(/\r?\n$/, "").split(/\r?\n/)) {
    if (welcome) during(line);
    else before(line);
  }
}

// The server starts every line that is not somebody's message with a mark of
// its own, so nobody's message can pass for one of these.

function before(line) {
  const accepted = /^Welcome, (\S+)! .*\/help/.exec(line);
  if (accepted) {
    name = accepted[1];
    entered(line);
  } else if (line.startsWith("! ")) {
    refused(line.slice(2));
  } else {
    greeting.push(line);
  }
}

function during(line) {
  const renamed = /^\* You are now @(\S+)\.$/.exec(line);
  if (renamed) {
    name = renamed[1];
    show("online", `Connected as ${name}`);
  }
  append(line);
}

function entered(line) {
  welcome = true;
  pause = FIRST_PAUSE;
  show("online", `Connected as ${name}`);
  signIn.hidden = true;
  log.hidden = false;
  talk.hidden = false;
  greeting.pop(); // It asks for the nickname, which we have given.
  [...greeting, line].forEach((text) => append(text));
  input.focus();
}

function refused(why) {
  const left = socket;
  socket = null;
  left.close();
  // After a lost connection, the nickname may still be held by what is left
  // of it at the server.
  if (log.childElementCount > 0 && pause < LONGEST_PAUSE) tryAgain(why);
  else backToSignIn(why);
}

function backToSignIn(why) {
  show("offline", "Not connected");
  log.hidden = true;
  talk.hidden = true;
  signIn.hidden = false;
  hint.textContent = why;
  hint.classList.add("mistake");
  nickname.focus();
  nickname.select();
}

function lost(event) {
  socket = null;
  if (!welcome && log.childElementCount === 0) {
    backToSignIn(event.reason || "The server cannot be reached. Try again in a moment.");
    return;
  }
  if (quitting || event.code === 1008) {
    append(event.reason || "Good-bye.");
    reconnect.hidden = false;
    show("offline", "Not connected");
    return;
  }
  tryAgain(event.reason || "The connection was lost.");
}

function tryAgain(why) {
  append(why);
  reconnect.hidden = false;
  const seconds = Math.round(pause / 1000);
  show("lost", `Trying again in ${seconds} s`);
  // Everybody was disconnected at once; not everybody should return at once.
  timer = setTimeout(connect, pause * (0.75 + Math.random() / 2));
  pause = Math.min(pause * 2, LONGEST_PAUSE);
}

function show(kind, text) {
  state.dataset.state = kind;
  state.textContent = text;
}

// Conversation -------------------------------------------------------------

function isAtEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

function toEnd() {
  log.scrollTop = log.scrollHeight;
  newest.hidden = true;
}

function append(text) {
  const follow = isAtEnd();
  const line = document.createElement("p");
  line.textContent = text;
  line.className = kindOf(text);
  log.append(line);
  while (log.childElementCount > MAX_LINES) log.firstElementChild.remove();
  if (follow) toEnd();
  else newest.hidden = false;
}

function kindOf(text) {
  const message = /^\d\d:\d\d (-PM |@)/.exec(text);
  if (!message) return "notice";
  return text.slice(6).startsWith(`@${name}:`) ? "own" : "message";
}

// Typing -------------------------------------------------------------------

const remembered = [];
/** Position in what was typed before; its length is the line being typed. */
let position = 0;
let unfinished = "";

function remember(line) {
  if (remembered.at(-1) !== line) remembered.push(line);
  if (remembered.length > MAX_REMEMBERED) remembered.shift();
  position = remembered.length;
  unfinished = "";
}

function recall(step) {
  const next = position + step;
  if (next < 0 || next > remembered.length) return;
  if (position === remembered.length) unfinished = input.value;
  position = next;
  input.value = remembered[position] ?? unfinished;
  input.setSelectionRange(input.value.length, input.value.length);
}

function sendLine(line) {
  if (socket?.readyState !== WebSocket.OPEN || !welcome) {
    append("Not connected: that was not sent.");
    return false;
  }
  quitting = /^\/quit\b/.test(line);
  socket.send(line);
  return true;
}

// Events -------------------------------------------------------------------

signIn.addEventListener("submit", (event) => {
  event.preventDefault();
  name = nickname.value.trim();
  if (name === "") return;
  pause = FIRST_PAUSE;
  connect();
});

talk.addEventListener("submit", (event) => {
  event.preventDefault();
  const line = input.value;
  if (line.trim() === "") return;
  if (!sendLine(line)) return;
  remember(line);
  input.value = "";
  toEnd();
});

input.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    event.preventDefault();
    recall(event.key === "ArrowUp" ? -1 : 1);
  }
});

byId("hints").addEventListener("click", (event) => {
  const { line, start } = event.target.dataset;
  if (line) sendLine(line);
  if (start) input.value = start;
  if (line || start) input.focus();
});

log.addEventListener("scroll", () => {
  if (isAtEnd()) newest.hidden = true;
});

newest.addEventListener("click", toEnd);

reconnect.addEventListener("click", () => {
  pause = FIRST_PAUSE;
  connect();
});
