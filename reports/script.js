// The page reads without this. With it: sort and filter tables, keep the view in the address, read a day in the charts.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const make = (name, content, attributes = {}) => {
    const element = Object.assign(document.createElement(name), attributes);
    element.append(...content);
    return element;
  };

  // The view lives in the fragment (#f=case&sort=2&dir=descending), never in the query: signed addresses stay valid.
  const view = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const keep = (changes) => {
    const state = view();
    for (const [key, value] of Object.entries(changes)) value ? state.set(key, value) : state.delete(key);
    try { history.replaceState(null, "", "#" + state); } catch { /* a preview without an address of its own */ }
  };

  // Sort: a button in each heading. What has no figure comes last, in both directions.
  const figure = (cell) => {
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const text = cell.firstChild?.nodeType === Node.TEXT_NODE ? cell.firstChild.data.replace(/[,%\s]/g, "") : "";
    return text === "" ? NaN : Number(text);
  };
  const sort = (table, column, direction) => {
    const sign = direction === "ascending" ? 1 : -1;
    all("thead th", table).forEach((th, at) => (at === column ? th.setAttribute("aria-sort", direction) : th.removeAttribute("aria-sort")));
    const rows = all("tbody tr", table).map((row) => ({ row, text: row.cells[0].textContent, value: column ? figure(row.cells[column]) : 0 }));
    rows.sort((a, b) => {
      if (!column) return sign * a.text.localeCompare(b.text, "en");
      if (isNaN(a.value) || isNaN(b.value)) return isNaN(a.value) - isNaN(b.value);
      return sign * (a.value - b.value);
    });
    table.tBodies[0].append(...rows.map((one) => one.row));
  };
  const sortable = (table) => {
    all("thead th", table).forEach((th, at) => {
      if (table.tBodies[0].rows[0]?.cells[at].querySelector("svg")) return;
      const button = make("button", th.childNodes, { type: "button" });
      button.onclick = () => {
        const next = { ascending: "descending", descending: "ascending" }[th.getAttribute("aria-sort")] ?? (at ? "descending" : "ascending");
        sort(table, at, next);
        keep({ sort: String(at), dir: next });
      };
      th.append(button);
    });
  };

  // Filter: by words of the heading, and by group (the service).
  const filter = (form) => {
    const rows = all("tbody tr", document.getElementById(form.dataset.for));
    const words = form.elements.f.value.trim().toLowerCase();
    const group = form.elements.s?.value ?? "";
    for (const row of rows) row.hidden = !(row.cells[0].textContent.toLowerCase().includes(words) && (!group || row.dataset.d.startsWith(`service=${group}&`)));
    const shown = rows.filter((row) => !row.hidden).length;
    form.querySelector("[role=status]").textContent = words || group ? `${shown} of ${rows.length} shown` : "";
  };
  const copy = (form) => {
    const status = form.querySelector("[role=status]");
    const done = () => (status.textContent = "Link copied");
    const byHand = () => {
      const field = make("input", [], { type: "text", readOnly: true, value: location.href, ariaLabel: "Link to this view" });
      status.replaceChildren("Copy it from here: ", field);
      field.select();
    };
    navigator.clipboard ? navigator.clipboard.writeText(location.href).then(done, byHand) : byHand();
  };

  // Read a day: a slider and the pointer move a line through the panels; the figures come from the table behind them.
  const reader = (box) => {
    const table = document.getElementById(box.dataset.read);
    const rows = [...table.tBodies[0].rows];
    const heads = all("thead th", table).map((th) => th.textContent);
    const slider = make("input", [], { type: "range", min: 0, max: rows.length - 1, step: 1 });
    const output = make("output", []);
    const panels = all("svg[data-x]", box).map((svg) => {
      const line = document.createElementNS(svg.namespaceURI, "path");
      line.setAttribute("class", "cursor");
      svg.append(line);
      return { svg, line, ends: svg.dataset.x.split(" ").map(Number) };
    });
    const show = (at) => {
      const step = Math.max(0, Math.min(rows.length - 1, at));
      slider.value = step;
      for (const { line, ends: [from, to] } of panels) {
        const x = from + ((to - from) * step) / Math.max(rows.length - 1, 1);
        line.setAttribute("d", `M${x.toFixed(1)} 8V140`);
      }
      const [day, ...cells] = rows[step].cells;
      const said = cells.map((cell, n) => {
        const small = cell.querySelector("small");
        const main = [...cell.childNodes].filter((node) => node !== small).map((node) => node.textContent).join("");
        return `${heads[n + 1]} ${main}${small ? ` (${small.textContent})` : ""}`;
      });
      slider.setAttribute("aria-valuetext", day.textContent);
      output.replaceChildren(make("strong", [day.textContent]), " " + said.join(" · "));
    };
    slider.oninput = () => show(Number(slider.value));
    for (const { svg, ends: [from, to] } of panels) {
      svg.addEventListener("pointermove", (event) => {
        const { left, width } = svg.getBoundingClientRect();
        const x = ((event.clientX - left) / width) * svg.viewBox.baseVal.width;
        show(Math.round(((x - from) / (to - from)) * (rows.length - 1)));
      });
    }
    box.after(make("div", [make("label", [`Read a ${heads[0].toLowerCase().startsWith("week") ? "week" : "day"} `, slider]), output], { className: "read" }));
    show(rows.length - 1);
  };

  // The address: a view to show, or a place that may lie inside something closed.
  const follow = () => {
    const state = view();
    for (const form of all("form.tools")) {
      for (const name of ["f", "s"]) if (form.elements[name]) form.elements[name].value = state.get(name) ?? "";
      filter(form);
    }
    const [table] = all("table.sort");
    const column = Number(state.get("sort") ?? NaN);
    if (table && table.tHead.rows[0].cells[column]?.querySelector("button")) {
      sort(table, column, state.get("dir") === "ascending" ? "ascending" : "descending");
    }
    if (!state.size && location.hash.length > 1) {
      const place = document.querySelector(":target");
      const closed = place?.closest("details:not([open])");
      if (closed) closed.open = true;
      place?.scrollIntoView();
    }
  };

  // Where a table is wider than its frame each row becomes a card, whose fields bear the headings that stand above them
  // elsewhere; those of the class `cards` do so on every small screen. The triangle of retention stays one.
  const frames = all(".scroll").map((frame) => [frame, frame.querySelector("table:not(.heat)")]).filter(([, table]) => table);
  for (const [, table] of frames) {
    const heads = all("thead th", table).map((th) => th.textContent);
    for (const row of all("tbody tr, tfoot tr", table)) {
      all("td", row).forEach((cell, at) => { if (cell.textContent.trim() || cell.firstElementChild) cell.dataset.l = heads[at + 1]; });
    }
  }
  const small = matchMedia("(max-width: 40rem)");
  const fit = () => {
    for (const [, table] of frames) table.classList.remove("stack");
    const wide = frames.map(([frame, table]) => (small.matches && table.classList.contains("cards")) || frame.scrollWidth > frame.clientWidth + 1);
    frames.forEach(([, table], at) => table.classList.toggle("stack", wide[at]));
  };

  all("table.sort").forEach(sortable);
  for (const form of all("form.tools")) {
    form.onsubmit = (event) => event.preventDefault();
    form.oninput = () => { filter(form); keep({ f: form.elements.f.value, s: form.elements.s?.value }); };
    form.querySelector("button").onclick = () => copy(form);
  }
  all("[data-read]").forEach(reader);
  addEventListener("hashchange", follow);
  addEventListener("resize", fit);
  document.addEventListener("toggle", fit, true);
  fit();
  follow();
})();
