// The workers' own words, below Flower's table of them.
"use strict";

(function () {
  const section = document.querySelector("#presence");
  const cell = (text) => {
    const element = document.createElement("td");
    element.textContent = text;
    return element;
  };
  const row = (worker) => {
    const element = document.createElement("tr");
    element.append(
      cell(worker.name),
      cell(worker.worker_class),
      cell(worker.host),
      cell(worker.encoder || "none that works"),
      cell(`${worker.busy} of ${worker.slots}`),
      cell(worker.gate),
      cell(`${worker.silent_s} s ago`),
    );
    return element;
  };
  const show = async () => {
    if (document.hidden) return;
    const response = await fetch(`${section.dataset.root}/summary`, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const { workers } = await response.json();
    document.querySelector("#presence-rows").replaceChildren(...workers.map(row));
  };
  window.setInterval(show, 2000);
  show();
})();
