// What pages do when scripts run: timelines, news, filters, orders. Without it every page says all that it has to say.
//
// An ordinary script without parts: a server sends it as it is, and a single file has it inside. It puts no
// text into a page as HTML but whole pages of its own server, parsed as documents, in which no script runs.
"use strict";

(() => {
  const script = document.currentScript;
  const isFile = location.protocol === "file:";

  // ---- The address: `#anchor&t=...&sel=...`. The anchor is a part of the page, the rest is what is looked at.

  const STATE = /^(.*?)(?:^|&)((?:t|sel|q|scroll|verdict|order)=.*)$/;

  // What is put back as soon as the browser has gone to the anchor.
  let pending = null;

  function fragment() {
    const text = location.hash.slice(1);
    const match = STATE.exec(text);
    if (match) return { anchor: match[1], state: match[2] };
    return { anchor: text, state: pending?.anchor === text ? pending.state : "" };
  }

  function setState(state) {
    const text = [fragment().anchor, state].filter(Boolean).join("&");
    replaceAddress(text ? `#${text}` : location.href.split("#")[0]);
  }

  function replaceAddress(address) {
    try {
      history.replaceState(history.state, "", address);
    } catch {
      // Some browsers keep the address of a file as it is, or of a page that changes it too often.
    }
  }

  // The browser looks for the whole fragment among the ids, so the anchor alone must have been the address.
  function goToAnchor() {
    const { anchor, state } = fragment();
    if (!anchor || !state) return;
    if (location.hash === `#${anchor}`) {
      pending = null;
      setState(state);
    } else {
      pending = { anchor, state };
      location.replace(`#${anchor}`);
    }
  }

  function byReference(reference) {
    const id = reference.slice(1);
    return document.getElementById(id) ?? document.getElementById(decodeURIComponent(id));
  }

  // ---- Bytes: from the server, or from an element that has them compressed.

  async function bytesOf(reference, signal) {
    if (!reference.startsWith("#")) {
      const response = await fetch(reference, { signal });
      if (!response.ok) throw sentence(await reasonOf(response));
      return new Uint8Array(await response.arrayBuffer());
    }
    const element = byReference(reference);
    if (!element) throw sentence("The trace of this run is not in this file. The tables below have what there is.");
    const text = element.textContent.trim();
    const packed = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  async function reasonOf(response) {
    const isText = response.headers.get("content-type")?.startsWith("text/plain");
    const text = isText ? (await response.text()).trim().slice(0, 500) : "";
    return text || `The server refused it (${response.status}). Reload the page.`;
  }

  // Errors that are sentences for people.
  const sentence = (text) => Object.assign(new Error(text), { isSentence: true });

  function inWords(error) {
    if (typeof error === "string") return error;
    if (error?.isSentence) return error.message;
    if (error instanceof TypeError) return "The server does not answer. Start `loopbox view` again, and open the page that it prints.";
    return `The timeline cannot be shown (${error?.message ?? error}). Reload the page; the tables below are complete.`;
  }

  // ---- Timelines.

  let engine;
  // By section: a promise of the timeline.
  const timelines = new Map();

  function startEngine() {
    if (typeof WebAssembly === "undefined") {
      throw sentence("This browser runs no WebAssembly, which the timeline needs. The tables below say the same.");
    }
    if (typeof wasm_bindgen === "undefined") {
      throw sentence("The timeline's script is missing. Reload the page; the tables below are complete.");
    }
    const wasm = script.dataset.wasm;
    engine ??= Promise.resolve(wasm.startsWith("#") ? bytesOf(wasm) : wasm).then((module_or_path) =>
      wasm_bindgen({ module_or_path }),
    );
    return engine;
  }

  function json(reference) {
    const element = reference && byReference(reference);
    return element ? JSON.parse(element.textContent) : [];
  }

  async function startTimeline(section) {
    const { columns, second, secondTitle, golden, issues, signals, budget } = section.dataset;
    const bytes = [columns, second].map((reference) => reference && bytesOf(reference));
    const [, first, other] = await Promise.all([startEngine(), ...bytes]);
    const timeline = new wasm_bindgen.Timeline(section, {
      columns: first,
      second: other,
      secondTitle,
      golden: golden && byReference(golden)?.textContent,
      issues: json(issues),
      signals: json(signals),
      budget: budget && Number(budget),
      address: fragment().state,
      onAddress: (state) => setState(state),
      onWhatIf: (signal, at, dropped) => whatIfSignal(section, signal, at, dropped),
    });
    section.dataset.started = "";
    return timeline;
  }

  // A timeline that cannot be seen, as those of other runs in a file, waits until it can.
  const whenSeen =
    "IntersectionObserver" in window &&
    new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) timelineOf(target);
    });

  function timelineOf(section) {
    if (!timelines.has(section)) {
      whenSeen?.unobserve(section);
      const started = startTimeline(section).catch((error) => {
        section.querySelector(".timeline-status").textContent = inWords(error);
        section.dataset.failed = "";
        console.error(error);
        return null;
      });
      timelines.set(section, started);
    }
    return timelines.get(section);
  }

  // The timeline that an element of a page speaks of.
  function sectionOf(element) {
    for (let at = element; at; at = at.parentElement) {
      const section = at.matches("[data-timeline]") ? at : at.querySelector("[data-timeline]");
      if (section) return section;
    }
    return null;
  }

  async function onClick(event) {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("[data-goto]");
    const row = event.target.closest("[data-event]");
    if (!link && (!row || event.target.closest("a, button, input, summary"))) return;
    const section = sectionOf(link ?? row);
    if (!section || "failed" in section.dataset) return;
    if (link) event.preventDefault();
    const timeline = await timelineOf(section);
    if (!timeline) return;
    if (link) {
      const [from, to] = link.dataset.goto.split("-").map(Number);
      timeline.goTo(from, to);
      section.scrollIntoView({ block: "nearest" });
      section.querySelector("canvas").focus({ preventScroll: true });
    }
    const selected = link ? link.dataset.select : row.dataset.event;
    if (selected) timeline.selectEvent(Number(selected));
  }

  function startTimelines() {
    for (const section of document.querySelectorAll("[data-timeline]")) {
      if (whenSeen) whenSeen.observe(section);
      else timelineOf(section);
    }
  }

  async function onAddress() {
    goToAnchor();
    const { state } = fragment();
    if (!state) return;
    for (const [section, started] of timelines) {
      if (section.offsetParent !== null) (await started)?.openAddress(state);
    }
    enhanceTables();
  }

  // ---- What if: the latest wish counts. While a signal is dragged, one answer is waited for at a time, so that
  // answers come at all.

  const whatIfs = new WeakMap();

  function whatIfSignal(section, signal, at, dropped) {
    const form = document.querySelector("form[data-what-if-form]");
    if (!form) {
      // Another page has room for what comes of it.
      const page = section.dataset.whatIf.replace(/\/fragment$/, "");
      if (dropped) location.assign(`${page}?signal.${signal}=${at}ns`);
      return;
    }
    const field = form.elements.namedItem(`signal.${signal}`);
    if (field) field.value = durationOf(at);
    whatIf(section, form, dropped);
  }

  // The largest unit in which it is a number with few places.
  function durationOf(nanos) {
    const unit = [["s", 1e9], ["ms", 1e6], ["us", 1e3]].find(([, size]) => nanos >= size);
    if (!unit) return `${nanos}ns`;
    const [name, size] = unit;
    const fraction = String(nanos % size).padStart(String(size).length - 1, "0").replace(/0+$/, "");
    return `${Math.floor(nanos / size)}${fraction && `.${fraction}`}${name}`;
  }

  function queryOf(form) {
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value !== "") query.append(name, value);
    return query.toString();
  }

  async function whatIf(section, form, isFinal) {
    const query = queryOf(form);
    const running = whatIfs.get(section);
    if (running) {
      running.next = { isFinal: isFinal || running.next?.isFinal };
      if (isFinal) running.abort.abort();
      return;
    }
    const own = { abort: new AbortController(), next: null };
    whatIfs.set(section, own);
    try {
      await (isFinal ? whatIfPage : whatIfFragment)(section, form, query, own.abort.signal);
    } catch (error) {
      if (error.name !== "AbortError") {
        (await timelineOf(section))?.say(inWords(error));
        console.error(error);
      }
    }
    whatIfs.delete(section);
    if (own.next) whatIf(section, form, own.next.isFinal);
  }

  async function whatIfFragment(section, form, query, signal) {
    const address = section.dataset.whatIf;
    const [html, bytes] = await Promise.all([
      textOf(`${address}?${query}`, signal),
      bytesOf(`${columnsOf(address)}?${query}`, signal),
    ]);
    const outcome = document.getElementById("what-if-outcome");
    outcome?.replaceChildren(...parse(html).body.childNodes);
    (await timelineOf(section))?.setSecond(bytes, section.dataset.secondTitle ?? "what if", false);
  }

  // The whole page: what can be said beside the fields, and the form to save it, are on it too.
  async function whatIfPage(section, form, query, signal) {
    const address = form.getAttribute("action") + (query && `?${query}`);
    const page = parse(await textOf(address, signal));
    const second = page.querySelector("[data-timeline]")?.dataset.second;
    const bytes = second ? await bytesOf(second, signal) : null;
    swap(document.getElementById("what-if-outcome"), page.getElementById("what-if-outcome"));
    const field = document.activeElement?.form === form && document.activeElement.name;
    for (const old of form.querySelectorAll(".field")) {
      // The field that is being typed in stays; the others may have something to say.
      const name = old.querySelector("[name]").name;
      const now = page.querySelector(`form[data-what-if-form] [name="${CSS.escape(name)}"]`)?.closest(".field");
      if (now && name !== field) old.replaceWith(now);
    }
    const [saved, save] = [document.getElementById("save"), page.getElementById("save")];
    if (saved && save) saved.replaceWith(save);
    else if (save) section.after(save);
    else saved?.remove();
    replaceAddress(address + location.hash);
    const timeline = await timelineOf(section);
    if (bytes) timeline?.setSecond(bytes, section.dataset.secondTitle ?? "what if", true);
  }

  const columnsOf = (address) => address.replace(/\/fragment$/, ".columns");

  function swap(old, now) {
    if (old && now) old.replaceChildren(...now.childNodes);
  }

  const parse = (html) => new DOMParser().parseFromString(html, "text/html");

  async function textOf(address, signal) {
    const response = await fetch(address, { signal });
    // A page with a mistake in a field is a page.
    const isPage = response.headers.get("content-type")?.startsWith("text/html");
    if (!response.ok && !isPage) throw sentence(await reasonOf(response));
    return response.text();
  }

  function startWhatIf() {
    const form = document.querySelector("form[data-what-if-form]");
    const section = document.querySelector("[data-timeline][data-what-if]");
    if (!form || !section) return;
    form.addEventListener("change", () => {
      if (form.checkValidity()) whatIf(section, form, true);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      whatIf(section, form, true);
    });
  }

  // ---- The list of runs: another order, a filter, and news.

  let asked = null;

  // Puts what the server has to say now in the place of what it said. The filter, the focus and the place stay.
  async function refresh(address) {
    asked?.abort();
    asked = new AbortController();
    const page = parse(await textOf(address, asked.signal));
    const [main, now] = [document.querySelector("main"), page.querySelector("main")];
    const [filter, newFilter] = [main, now].map((main) => main.querySelector(":scope > form[data-filter]"));
    const focused = main.contains(document.activeElement) ? document.activeElement : null;
    const [x, y] = [scrollX, scrollY];
    if (filter && newFilter) {
      const isOld = (node) => node !== filter;
      [...main.childNodes].filter(isOld).forEach((node) => node.remove());
      const nodes = [...now.childNodes];
      const place = nodes.indexOf(newFilter);
      filter.before(...nodes.slice(0, place));
      filter.after(...nodes.slice(place + 1));
    } else {
      main.replaceChildren(...now.childNodes);
    }
    document.title = page.title;
    enhanceTables();
    if (focused && !focused.isConnected) {
      const same = [...main.querySelectorAll(focused.tagName)].find((element) => isSame(element, focused));
      same?.focus({ preventScroll: true });
    }
    scrollTo(x, y);
  }

  function isSame(element, other) {
    const names = ["id", "name", "href", "data-column"];
    const name = names.find((name) => other.hasAttribute(name));
    return name ? element.getAttribute(name) === other.getAttribute(name) : element.textContent === other.textContent;
  }

  function refreshOrSay(address) {
    refresh(address).catch((error) => {
      if (error.name !== "AbortError") say(inWords(error));
    });
  }

  function say(text) {
    const news = document.querySelector(".news");
    if (news) news.textContent = text;
  }

  function startFilter() {
    const form = document.querySelector("form[data-filter]");
    if (!form) return;
    form.hidden = false;
    for (const button of form.querySelectorAll("[type=submit]")) button.hidden = true;
    if (isFile) {
      // Headings of the table are for the order.
      form.elements.sort?.closest("label").setAttribute("hidden", "");
      const state = new URLSearchParams(fragment().state);
      for (const name of ["q", "verdict"]) {
        if (state.has(name)) form.elements[name].value = state.get(name);
      }
    }
    const act = (event) => {
      event.preventDefault();
      if (event.isComposing) return;
      if (isFile) {
        setTableState({ q: form.elements.q.value, verdict: form.elements.verdict.value });
        filterRows(form);
      } else {
        const query = queryOf(form);
        const address = location.pathname + (query && `?${query}`);
        replaceAddress(address + location.hash);
        refreshOrSay(address);
      }
    };
    form.addEventListener("input", act);
    form.addEventListener("submit", act);
    if (isFile) filterRows(form);
  }

  function setTableState(changes) {
    const state = new URLSearchParams(fragment().state);
    for (const [name, value] of Object.entries(changes)) {
      if (value) state.set(name, value);
      else state.delete(name);
    }
    setState(state.toString());
  }

  // In a file nobody else can do it.
  function filterRows(form) {
    const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = form.elements.verdict.value;
    const rows = [...form.parentElement.querySelectorAll("table[data-sortable] tbody tr")];
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const kinds = row.dataset.verdict?.split(" ") ?? [];
      row.hidden = !(words.every((word) => text.includes(word)) && (!wanted || kinds.includes(wanted)));
      if (!row.hidden) shown += 1;
    }
    const status = form.parentElement.querySelector("[role=status].shown");
    if (status) {
      const all = `${rows.length} ${rows.length === 1 ? "scenario" : "scenarios"}`;
      status.textContent = shown === rows.length ? `${all}.` : `${shown} of ${all}.`;
    }
  }

  // Headings that lead to another order of the server's ask for it here; the others become buttons.
  function enhanceTables() {
    for (const table of document.querySelectorAll("table[data-sortable]")) {
      const headings = [...table.tHead.rows[0].cells];
      for (const [column, heading] of headings.entries()) {
        if (!heading.dataset.sort || heading.querySelector("a, button")) continue;
        const button = document.createElement("button");
        button.type = "button";
        button.className = "sort";
        button.dataset.column = column;
        button.append(...heading.childNodes);
        heading.append(button);
      }
    }
    const order = /^(\d+)-(ascending|descending)$/.exec(new URLSearchParams(fragment().state).get("order") ?? "");
    const tables = [...document.querySelectorAll("table[data-sortable]")];
    const table = tables.find((table) => table.offsetParent !== null);
    if (order && table) sortRows(table, Number(order[1]), order[2]);
  }

  function onHeading(event) {
    const heading = event.target.closest?.("table[data-sortable] th[data-sort]");
    if (!heading || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest("a");
    if (link) {
      event.preventDefault();
      const form = document.querySelector("form[data-filter]");
      const sort = new URL(link.href).searchParams.get("sort") ?? "";
      if (form?.elements.sort) form.elements.sort.value = sort;
      setTableState({ order: "" });
      replaceAddress(link.getAttribute("href") + location.hash);
      refreshOrSay(link.href);
    } else if (event.target.closest("button")) {
      const first = heading.dataset.first ?? (heading.dataset.sort === "number" ? "descending" : "ascending");
      const other = first === "ascending" ? "descending" : "ascending";
      const order = heading.getAttribute("aria-sort") === first ? other : first;
      sortRows(heading.closest("table"), heading.cellIndex, order);
      setTableState({ order: `${heading.cellIndex}-${order}` });
    }
  }

  const collator = new Intl.Collator("en", { numeric: true });

  function sortRows(table, column, order) {
    const heading = table.tHead.rows[0].cells[column];
    if (!heading?.dataset.sort) return;
    const isNumber = heading.dataset.sort === "number";
    const sign = order === "descending" ? -1 : 1;
    const valueOf = (row) => {
      const cell = row.cells[column];
      const text = cell?.dataset.value ?? (isNumber ? "" : cell?.textContent.trim());
      return isNumber ? (text ? Number(text) : null) : (text ?? "");
    };
    const rows = [...table.tBodies[0].rows].map((row) => [valueOf(row), row]);
    rows.sort(([one], [other]) => {
      // What was not measured is last in every order.
      if (one === null || other === null) return (one === null) - (other === null);
      return sign * (isNumber ? one - other : collator.compare(one, other));
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
  }

  const SILENCE = "No news any more: the server does not answer.";

  // Only while somebody looks: browsers have few connections for one server, and tabs that are out of sight would
  // take them all.
  function startNews() {
    if (!document.body.dataset.changes || typeof EventSource === "undefined") return;
    let address = document.body.dataset.changes;
    let source = null;
    const listen = () => {
      source = new EventSource(address);
      source.addEventListener("changed", ({ data }) => {
        address = address.replace(/since=.*/, `since=${data}`);
        onNews();
      });
      source.addEventListener("error", () => say(SILENCE));
      source.addEventListener("open", () => {
        if (document.querySelector(".news")?.textContent === SILENCE) say("");
      });
    };
    const follow = () => {
      if (document.hidden) {
        source?.close();
        source = null;
      } else if (!source) {
        listen();
      }
    };
    document.addEventListener("visibilitychange", follow);
    follow();
  }

  function onNews() {
    if (!document.querySelector("[data-timeline]")) {
      refreshOrSay(location.pathname + location.search);
      return;
    }
    // Somebody looks at something: nothing is taken away.
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "Show them";
    link.addEventListener("click", (event) => {
      event.preventDefault();
      location.reload();
    });
    say("There are newer results. ");
    document.querySelector(".news")?.append(link);
  }

  // ---- Begin.

  function begin() {
    goToAnchor();
    enhanceTables();
    startFilter();
    startWhatIf();
    startTimelines();
    startNews();
    document.addEventListener("click", onHeading);
    document.addEventListener("click", onClick);
    addEventListener("hashchange", onAddress);
    addEventListener("popstate", onAddress);
  }

  if (document.readyState === "loading") addEventListener("DOMContentLoaded", begin);
  else begin();
})();
