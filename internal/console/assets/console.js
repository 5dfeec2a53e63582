// What the pages do in the browser beyond htmx: charts, boxes that choose others,
// dialogs for browsers without commands, and a word when the connection is lost.
(() => {
  "use strict";
  const charts = new Map(); // vendor → {plot, element}
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function newPlot(element, data) {
    const plot = new uPlot({
      width: element.clientWidth || 300, height: element.clientHeight - 2 || 54, legend: {show: false}, cursor: {show: false}, padding: [4, 0, 0, 0],
      axes: [{show: false}, {show: false}],
      scales: {x: {time: true}, y: {range: (_, low, high) => [0, Math.max(high, 1)]}},
      series: [{},
        {stroke: () => colour("--accent"), fill: () => colour("--accent") + "22", width: 2, points: {show: false}},
        {stroke: () => colour("--bad"), width: 2, dash: [5, 3], points: {show: false}}],
    }, data, element);
    new ResizeObserver(() => plot.setSize({width: element.clientWidth, height: element.clientHeight - 2})).observe(element);
    return plot;
  }

  function draw(all) {
    for (const element of document.querySelectorAll("[data-chart]")) {
      const one = all[element.dataset.chart];
      if (!one) continue;
      const times = one.well.map((_, i) => one.end - (one.well.length - 1 - i) * one.step);
      const data = [times, one.well, one.failed.map((n, i) => n || one.failed[i - 1] || one.failed[i + 1] ? n : null)];
      const most = Math.max(...one.well, ...one.failed);
      element.setAttribute("role", "img");
      element.setAttribute("aria-label", `Effects a second in the last ${one.words}, at most ${most.toFixed(1)}`);
      const known = charts.get(element.dataset.chart);
      if (known && known.element === element) known.plot.setData(data);
      else charts.set(element.dataset.chart, {element, plot: newPlot(element, data)});
    }
  }

  const source = document.getElementById("charts");
  if (source) {
    const redraw = () => draw(JSON.parse(source.dataset.charts));
    redraw();
    source.addEventListener("charts", (e) => { source.dataset.charts = e.detail.data; redraw(); });
    document.addEventListener("htmx:after:swap", redraw); // a card may be new
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((c) => c.plot.redraw()));
  }

  // Times of the server are UTC: the pages show the time of the browser's zone, and UTC as a title.
  const two = (n) => String(n).padStart(2, "0");
  const dayOf = (t) => `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;
  const timeOf = (t) => `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
  function showLocal() {
    for (const element of document.querySelectorAll("time[datetime]")) {
      const text = element.querySelector("small") || element;
      if (!text.textContent.endsWith(" UTC")) continue;
      const at = new Date(element.dateTime);
      const short = text.textContent.length < 15; // the time of day alone
      element.title = element.dateTime.replace("T", " ").replace("Z", " UTC");
      text.textContent = short && dayOf(at) === dayOf(new Date()) ? timeOf(at) : `${dayOf(at)} ${timeOf(at)}`;
    }
  }
  showLocal();
  new MutationObserver(showLocal).observe(document.body, {childList: true, subtree: true, characterData: true});
  document.getElementById("zone").textContent = `times are local (${Intl.DateTimeFormat().resolvedOptions().timeZone}), UTC on hover`;

  // Fields of a time are local, too, and sent as UTC.
  for (const input of document.querySelectorAll("input[type=datetime-local]")) {
    const value = input.getAttribute("value");
    const at = new Date(value.slice(0, 16) + "Z");
    if (value) input.value = `${dayOf(at)}T${timeOf(at).slice(0, 5)}`;
    const zone = document.querySelector(`label[for="${input.id}"] [data-zone]`);
    if (zone) zone.textContent = "local time";
    input.form.addEventListener("formdata", (e) => {
      if (input.value) e.formData.set(input.name, new Date(input.value).toISOString().slice(0, 16));
    });
  }

  // The feed holds no more rows than it says.
  const rows = document.getElementById("feed-rows");
  if (rows) {
    new MutationObserver(() => {
      while (rows.children.length > Number(rows.dataset.most)) rows.lastElementChild.remove();
    }).observe(rows, {childList: true});
  }

  // A filter is used as soon as it is chosen.
  for (const form of document.querySelectorAll("form[data-auto]")) {
    form.addEventListener("change", () => form.requestSubmit());
  }

  if (document.body.hasAttribute("data-reload")) setTimeout(() => location.reload(), 3000);

  const chooseAll = document.getElementById("choose-all");
  if (chooseAll) {
    chooseAll.addEventListener("change", () => {
      for (const box of document.querySelectorAll("input[name=letter]")) box.checked = chooseAll.checked;
    });
  }

  // In a form for many things, Enter in a dialog presses that dialog's button.
  document.addEventListener("keydown", (e) => {
    const dialog = e.key === "Enter" && e.target.matches("input") && e.target.closest("form dialog");
    if (!dialog) return;
    e.preventDefault();
    dialog.querySelector("button[name=do]").click();
  });

  if (!("commandForElement" in HTMLButtonElement.prototype)) {
    document.addEventListener("click", (e) => {
      const button = e.target.closest("button[commandfor]");
      const dialog = button && document.getElementById(button.getAttribute("commandfor"));
      if (!dialog) return;
      if (button.getAttribute("command") === "close") dialog.close();
      else dialog.showModal();
    });
  }

  const lost = document.getElementById("lost");
  document.addEventListener("htmx:sse:after:connection", () => { lost.hidden = true; });
  document.addEventListener("htmx:sse:before:connection", (e) => { if (e.detail.connection.attempt > 0) lost.hidden = false; });
  document.addEventListener("htmx:sse:error", (e) => {
    if (e.detail.status === 401 || e.detail.status === 404) location.reload(); // the session has ended
    lost.hidden = false;
  });
})();
