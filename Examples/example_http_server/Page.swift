// SPDX-License-Identifier: MIT

#if Examples
    /// The page at "/": what runs here, live figures by server-sent events, a picture of the load.
    enum Page {
        /// Nothing from elsewhere.
        static let policy =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
            + "connect-src 'self'; img-src data:"

        static let text = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <link rel="icon" href="data:,">
            <title>Millrace</title>
            <style>
            :root { color-scheme: light dark; --line: #1f7a8c; --soft: #1f7a8c33; --rule: #8884; }
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto;
              padding: 0 1rem; }
            h1 { font-size: 1.6rem; margin: 0; }
            p { margin: .5rem 0 1rem; }
            dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr));
              gap: .75rem; margin: 1rem 0; }
            dl div { border: 1px solid var(--rule); border-radius: .4rem; padding: .5rem .75rem; }
            dt { font-size: .8rem; opacity: .7; }
            dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
            svg { width: 100%; height: 9rem; border: 1px solid var(--rule); border-radius: .4rem; }
            figcaption { font-size: .8rem; opacity: .7; }
            figure { margin: 1rem 0; }
            code { font-size: .9em; }
            table { border-collapse: collapse; width: 100%; }
            td { border-top: 1px solid var(--rule); padding: .3rem .5rem .3rem 0; }
            </style>
            </head>
            <body>
            <h1>Millrace</h1>
            <p>An HTTP/1.1 server in Swift, on one event loop or many. <span id="state">The figures
            come once a second.</span></p>
            <dl>
            <div><dt>answers a second</dt><dd id="rate">–</dd></div>
            <div><dt>answers</dt><dd id="answers">–</dd></div>
            <div><dt>open connections</dt><dd id="open">–</dd></div>
            <div><dt>answers 4xx and 5xx</dt><dd id="errors">–</dd></div>
            <div><dt>memory</dt><dd id="memory">–</dd></div>
            <div><dt>running for</dt><dd id="uptime">–</dd></div>
            </dl>
            <figure>
            <svg viewBox="0 0 120 40" preserveAspectRatio="none" role="img"
              aria-label="Answers a second in the last two minutes">
            <path id="area" fill="var(--soft)"></path>
            <path id="curve" fill="none" stroke="var(--line)" stroke-width="1.5"
              vector-effect="non-scaling-stroke"></path>
            </svg>
            <figcaption>Answers a second in the last two minutes; the top is
            <span id="top">1</span>.</figcaption>
            </figure>
            <table>
            <tr><td><a href="/hello"><code>GET /hello</code></a></td><td>thirteen bytes</td></tr>
            <tr><td><code>POST /echo</code></td><td>the body as it came</td></tr>
            <tr><td><a href="/missing"><code>GET /missing</code></a></td><td>404</td></tr>
            <tr><td><a href="/files/"><code>GET /files/…</code></a></td>
              <td>files, with <code>--root</code></td></tr>
            <tr><td><code>GET /shout</code></td><td>leaves HTTP for a protocol that answers lines in
              capitals</td></tr>
            <tr><td><code>GET /events</code></td><td>these figures, as events</td></tr>
            <tr><td><a href="/metrics"><code>GET /metrics</code></a></td>
              <td>for Prometheus</td></tr>
            <tr><td><a href="/healthz"><code>GET /healthz</code></a></td>
              <td>ok, or stopping</td></tr>
            </table>
            <script>
            const rates = [];
            const show = (id, text) => { document.getElementById(id).textContent = text; };
            const number = new Intl.NumberFormat("en");
            function time(seconds) {
              const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
              if (hours > 0) return hours + " h " + minutes % 60 + " min";
              return minutes > 0 ? minutes + " min " + seconds % 60 + " s" : seconds + " s";
            }
            function draw() {
              const top = Math.max(1, ...rates);
              const points = rates.map((rate, index) =>
                (120 - rates.length + index + 1) + "," + (38 - 36 * rate / top));
              show("top", number.format(top));
              document.getElementById("curve").setAttribute("d", "M" + points.join("L"));
              document.getElementById("area").setAttribute("d", "M" + points.join("L")
                + "L120,40L" + (121 - rates.length) + ",40Z");
            }
            const events = new EventSource("/events");
            events.onmessage = (event) => {
              const figures = JSON.parse(event.data);
              for (const id of ["rate", "answers", "open", "errors"]) {
                show(id, number.format(figures[id]));
              }
              show("memory", (figures.memory / 1048576).toFixed(1) + " MiB");
              show("uptime", time(figures.uptime));
              show("state", "The figures come once a second.");
              rates.push(figures.rate);
              if (rates.length > 120) rates.shift();
              draw();
            };
            events.onerror = () => show("state", "The connection is gone; trying again.");
            </script>
            </body>
            </html>

            """
    }
#endif
