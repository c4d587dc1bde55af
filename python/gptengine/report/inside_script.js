// What the page of `gptengine inspect` runs: it draws the maps and answers to pointing at tokens.
// Texts come from the JSON in the page and are set as text, never as HTML.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const T = data.tokens.length;
  const INK = [59, 130, 246];

  const make = (tag, kind, text) => {
    const node = document.createElement(tag);
    if (kind) node.className = kind;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const percent = (p) => {
    if (p < 0.0001) return "< 0.01\u00a0%";
    return `${(100 * p).toFixed(p >= 0.0995 ? 0 : p >= 0.00995 ? 1 : 2)}\u00a0%`;
  };

  // A frame of tokens; `point(i)` is called when the mouse comes to one, `choose(i)` at a click.
  function showTokens(frame, point, choose) {
    const spans = data.tokens.map((label, i) => {
      const span = make("span", "t", label);
      span.addEventListener("pointerenter", (e) => e.pointerType === "mouse" && point(i));
      span.addEventListener("click", () => choose(i));
      if (label.startsWith("·")) frame.append(make("wbr"));  // lines break between words
      frame.append(span);
      if (data.breaks.includes(i)) frame.append("\n");
      return span;
    });
    return spans;
  }
  const mark = (spans, i) => spans.forEach((span, j) => span.classList.toggle("on", i === j));

  // ---------------------------------------------------------------- next tokens

  function guesses({ logprob, rank, top }) {
    const panel = byId("guess");
    let kept = 1;
    logprob.forEach((l, t) => { if (l < logprob[kept - 1]) kept = t + 1; });  // the least expected
    const spans = showTokens(byId("guesses"), show, (i) => { kept = i; show(i); });
    byId("guesses").addEventListener("pointerleave", () => show(kept));
    logprob.forEach((l, t) => {
      spans[t + 1].style.background = `rgba(var(--hot), ${(0.85 * Math.min(1, -l / 10)).toFixed(3)})`;
    });

    function show(i) {
      mark(spans, i);
      const title = make("h3", "", `token ${i + 1} of ${T}: ${data.tokens[i]}`);
      if (!i) {
        panel.replaceChildren(title, make("p", "", "The first one: nothing before it to guess from."));
        return;
      }
      const l = logprob[i - 1];
      const place = `rank ${rank[i - 1].toLocaleString("en")}`;
      const says = `${percent(Math.exp(l))}, ${place}, ${(-l).toFixed(2)} nats`;
      const bars = make("table", "bars");
      const row = (label, logp, its) => {
        const line = make("tr", its ? "its" : ""), bar = make("b"), last = make("td");
        bar.style.width = `${100 * Math.exp(logp - top[i - 1][0][1])}%`;  // beside the likeliest
        last.append(bar);
        const first = make("td", "", label);
        first.title = label;
        line.append(first, make("td", "", percent(Math.exp(logp))), last);
        bars.append(line);
      };
      top[i - 1].forEach(([label, logp], k) => row(label, logp, k + 1 === rank[i - 1]));
      if (rank[i - 1] > top[i - 1].length) row(data.tokens[i], l, true);
      panel.replaceChildren(title, make("p", "", says), bars);
    }
    show(kept);
  }

  // ---------------------------------------------------------------- attention

  // (i, j) => byte of a weight, 255 times its root
  function decoded(text) {
    const raw = atob(text);
    return (i, j) => data.causal
      ? (j > i ? 0 : raw.charCodeAt(i * (i + 1) / 2 + j))
      : raw.charCodeAt(i * T + j);
  }
  const weight = (byte) => (byte / 255) ** 2;

  // Draws a map in at most `most` pixels a side; of the weights that share one it shows the largest.
  function draw(canvas, map, most) {
    const S = Math.min(T, most);
    canvas.width = canvas.height = S;
    const context = canvas.getContext("2d"), image = context.createImageData(S, S);
    for (let p = 0; p < S * S; ++p) image.data.set(INK, 4 * p);
    for (let i = 0; i < T; ++i)
      for (let j = 0; j < T; ++j) {
        const at = 4 * (Math.floor(i * S / T) * S + Math.floor(j * S / T)) + 3;
        image.data[at] = Math.max(image.data[at], map(i, j));
      }
    context.putImageData(image, 0, 0);
  }

  function attention() {
    const maps = data.maps.map((heads) => heads.map(decoded));
    const big = byId("map").parentElement, row = make("i"), column = make("i");
    big.append(row, column);
    const buttons = [];
    let kept = mostElsewhere(), now = kept, from = T - 1, keptFrom = T - 1;
    const spans = showTokens(byId("text"), look, (i) => { keptFrom = i; look(i); });
    byId("text").addEventListener("pointerleave", () => look(keptFrom));

    data.layers.forEach((layer, l) => {
      const line = make("div", "row"), box = make("div", "maps");
      box.style.setProperty("--heads", maps[l].length);  // a layer fits a line of a wide page
      maps[l].forEach((map, h) => {
        const button = make("button"), canvas = make("canvas");
        button.title = `layer ${layer}, head ${h}`;
        button.setAttribute("aria-label", button.title);
        draw(canvas, map, 66);
        button.append(canvas);
        button.addEventListener("pointerenter", (e) => e.pointerType === "mouse" && enlarge([l, h]));
        button.addEventListener("pointerleave", () => enlarge(kept));
        button.addEventListener("focus", () => enlarge([l, h]));
        button.addEventListener("click", () => {
          kept = [l, h];
          enlarge(kept);
          byId("head").scrollIntoView({ block: "nearest" });
        });
        buttons.push({ button, at: `${l} ${h}` });
        box.append(button);
      });
      line.append(make("span", "", `layer ${layer}`), box);
      byId("heads").append(line);
    });

    // The head that the page opens with: most are about the first token, the one before, or itself.
    function mostElsewhere() {
      let best = [0, 0], least = Infinity;
      data.habits.first.forEach((heads, l) => heads.forEach((first, h) => {
        const plain = first + data.habits.before[l][h] + data.habits.itself[l][h];
        if (plain < least) [best, least] = [[l, h], plain];
      }));
      return best;
    }

    function enlarge([l, h]) {
      now = [l, h];
      for (const { button, at } of buttons) button.classList.toggle("on", at === `${kept[0]} ${kept[1]}`);
      draw(byId("map"), maps[l][h], 1024);
      const of = (name) => percent(data.habits[name][l][h]);
      const far = data.habits.distance[l][h].toFixed(1);
      byId("head").textContent = `Layer ${data.layers[l]}, head ${h}: ${of("first")} on the first token, ` +
        `${of("before")} on the one before, ${of("itself")} on itself; ${far} tokens away on average`;
      look(from);
    }

    // Colours the text by where token i looks, and says how much of it goes to token j.
    function look(i, j) {
      from = i;
      const map = maps[now[0]][now[1]];
      mark(spans, i);
      spans.forEach((span, k) => {
        span.style.background = `rgba(var(--ink), ${(0.9 * map(i, k) / 255).toFixed(3)})`;
      });
      if (j === undefined) {
        j = 0;
        for (let k = 1; k < T; ++k) if (map(i, k) > map(i, j)) j = k;
        byId("where").textContent =
          `${data.tokens[i]} looks most at ${data.tokens[j]}: ${percent(weight(map(i, j)))}`;
      } else {
        byId("where").textContent = data.causal && j > i
          ? `${data.tokens[i]} cannot see ${data.tokens[j]}, which comes later`
          : `${data.tokens[i]} takes ${percent(weight(map(i, j)))} from ${data.tokens[j]}`;
      }
      const side = `${100 / T}%`;
      Object.assign(row.style, { left: 0, width: "100%", top: `${100 * i / T}%`, height: side });
      Object.assign(column.style, { top: 0, height: "100%", left: `${100 * j / T}%`, width: side });
    }

    const cell = (e) => {
      const box = big.getBoundingClientRect();
      const at = (x, size) => Math.max(0, Math.min(T - 1, Math.floor(x / size * T)));
      return [at(e.clientY - box.top, box.height), at(e.clientX - box.left, box.width)];
    };
    big.addEventListener("pointermove", (e) => look(...cell(e)));
    big.addEventListener("pointerdown", (e) => { [keptFrom] = cell(e); look(...cell(e)); });
    big.addEventListener("pointerleave", () => look(keptFrom));
    enlarge(kept);
  }

  if (data.guesses) guesses(data.guesses);
  if (data.maps.length) attention();
})();
