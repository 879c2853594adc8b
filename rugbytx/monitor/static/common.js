// What the Jobs pages share: elements whose texts are texts, and asking the server.
"use strict";

const REFRESH_MS = 2000;
const BADGES = {
  QUEUED: "text-bg-warning",
  RUNNING: "task-state-started",
  SUCCEEDED: "text-bg-success",
  FAILED: "text-bg-danger",
  CANCELLED: "text-bg-secondary",
};

/** Make an element. Texts come from sources' names and logs, so nothing here is ever read as HTML. */
function make(tag, { text, title, href, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (text !== undefined && text !== null) element.textContent = text;
  if (title) element.title = title;
  if (href) element.href = href;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

function instant(seconds) {
  return seconds ? new Date(seconds * 1000).toLocaleString() : "";
}

function usd(amount) {
  if (amount === null || amount === undefined) return "";
  return amount >= 0.01 || amount === 0 ? `$${amount.toFixed(2)}` : `$${amount.toFixed(4)}`;
}

function badge(status) {
  return make("span", { text: status, class: `badge ${BADGES[status] ?? "text-bg-secondary"}` });
}

/** A bar that shows how much is encoded. */
function bar(percent, isOpen) {
  const inner = make("div", { class: `progress-bar${isOpen ? "" : " bg-success"}` });
  inner.style.width = `${percent}%`;
  return make(
    "div",
    { class: "progress", role: "progressbar", "aria-valuenow": percent, "aria-valuemin": 0, "aria-valuemax": 100 },
    inner,
  );
}

async function answer(response) {
  const told = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(told.error || `the server answered ${response.status}`);
  return told;
}

async function ask(address) {
  return answer(await fetch(address, { headers: { Accept: "application/json" } }));
}

/** Do what a button says, with the token that only pages of this server can read. */
async function act(address) {
  const token = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1] ?? "";
  return answer(
    await fetch(address, { method: "POST", headers: { Accept: "application/json", "X-XSRFToken": token } }),
  );
}

/** Make a button that asks before it acts, where that is wanted. */
function actionButton(name, { root, job, question, done, style }) {
  const button = make("button", { text: name, type: "button", class: `btn btn-sm ${style}`, "data-action": name.toLowerCase() });
  button.addEventListener("click", async () => {
    if (question && !window.confirm(question)) return;
    button.disabled = true;
    try {
      const told = await act(`${root}/${job}/${name.toLowerCase()}`);
      window.alertFlower?.(told.notes.join("; "));
    } catch (error) {
      window.alert(error.message);
    }
    button.disabled = false;
    done();
  });
  return button;
}

/** Make the buttons that a job as it stands has: an open one can go first, or end; an ended one begin again. */
function actionButtons(told, common, style) {
  if (told.is_open) {
    return [
      actionButton(told.is_bumped ? "Unbump" : "Bump", { ...common, style: `${style}-secondary` }),
      actionButton("Cancel", { ...common, style: `${style}-danger`, question: `Cancel ${told.name}?` }),
    ];
  }
  return told.status === "SUCCEEDED" ? [] : [actionButton("Retry", { ...common, style: `${style}-primary` })];
}

/** Show again and again while somebody looks; one round ends before the next begins. */
function keepShowing(show, onState) {
  let isUnderWay = false;
  const round = async () => {
    if (isUnderWay || document.hidden) return;
    isUnderWay = true;
    try {
      await show();
      onState(true, "Live");
    } catch (error) {
      onState(false, error.message);
    }
    isUnderWay = false;
  };
  window.setInterval(round, REFRESH_MS);
  round();
  return round;
}
