// One job: its facts, the map of its units, and a line for each of them.
"use strict";

const page = document.querySelector("#job-page");
const { root, job } = page.dataset;

function fact(name, ...content) {
  return make(
    "div",
    { class: "detail-row task-data-row" },
    make("dt", { text: name }),
    make("dd", {}, ...content.map((one) => (typeof one === "string" ? make("span", { text: one }) : one))),
  );
}

function facts(told) {
  const percent = told.percent === null ? "" : `${told.percent} %  `;
  const rows = [
    ["Job", told.job_id],
    ["Status", badge(told.status)],
    ["Why", told.reason],
    ["Generation", told.generation > 1 ? String(told.generation) : ""],
    ["Source", told.source],
    ["Profile", told.profile],
    ["Progress", percent ? bar(told.percent, told.is_open) : "", `${percent}${told.units_done} of ${told.units} units`],
    ["Speed", told.fps ? `${Math.round(told.fps)} fps` : ""],
    ["ETA", told.is_open ? duration(told.eta_s) : ""],
    ["Runs on", told.worker_classes.join(", ")],
    ["Cost", usd(told.usd)],
    ["Submitted", instant(told.submitted_at)],
    ["Deadline", `${instant(told.deadline_at)}${told.is_late ? " (missed)" : ""}`],
    ["Ended", instant(told.ended_at)],
  ];
  return rows.filter(([, ...content]) => content.some((one) => one !== "")).map((one) => fact(...one));
}

function piece(unit) {
  const classes = ["piece", unit.state, unit.worker_class];
  if (!unit.is_chunk) classes.push("piece-named");
  if (unit.is_adopted) classes.push("adopted");
  if (unit.is_splice) classes.push("splice");
  const told = [unit.key, unit.state, unit.worker, unit.encoder, unit.step, unit.fps ? `${unit.fps} fps` : ""];
  return make("div", {
    text: unit.is_chunk ? "" : unit.key,
    title: told.filter(Boolean).join(" · "),
    class: classes.filter(Boolean).join(" "),
    "data-unit": unit.key,
  });
}

function notes(unit) {
  return [
    unit.is_splice ? "splice before it" : "",
    unit.is_adopted ? "taken over" : "",
    unit.fence > 1 ? `claim ${unit.fence}` : "",
    unit.verdicts ? `failed ${unit.verdicts}×` : "",
    unit.deaths ? `fell silent ${unit.deaths}×` : "",
    unit.reason,
  ].filter(Boolean).join(", ");
}

function line(unit) {
  return make(
    "tr",
    {},
    make("td", { text: unit.key }),
    make("td", { text: unit.step && unit.state === "LEASED" ? `${unit.state}: ${unit.step}` : unit.state }),
    make("td", { text: [unit.worker, unit.worker_class].filter(Boolean).join(" · ") }),
    make("td", { text: [unit.encoder, unit.gpu].filter(Boolean).join(" · ") }),
    make("td", { text: instant(unit.started_at), class: "subtle" }),
    make("td", { text: unit.elapsed_s ? duration(unit.elapsed_s) : "" }),
    make("td", { text: unit.fps ? `${Math.round(unit.fps)} fps` : "" }),
    make("td", { text: unit.usd ? `$${unit.usd.toFixed(6)}` : "" }),
    make("td", { text: notes(unit), class: "subtle" }),
  );
}

function buttons(told) {
  const common = { root, job, done: refresh };
  const found = [];
  if (told.is_playable) {
    found.push(make("a", { text: "Play", href: `${root}/${job}/play/`, class: "btn btn-sm btn-outline-primary" }));
  }
  found.push(...actionButtons(told, common, "btn"));
  return found;
}

const refresh = keepShowing(
  async () => {
    const told = await ask(`${root}/${job}/data`);
    document.querySelector("#facts").replaceChildren(...facts(told));
    document.querySelector("#map").replaceChildren(...told.pieces.map(piece));
    document.querySelector("#units").replaceChildren(...told.pieces.map(line));
    document.querySelector("#actions").replaceChildren(...buttons(told));
  },
  (isLive, text) => {
    document.querySelector("#legend").textContent = isLive
      ? "Green: jetson. Orange: aws. Dashed: at work. Pale: taken over. A gap: a splice."
      : text;
  },
);
