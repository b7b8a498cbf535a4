// Shows what a template says while somebody types it, and where something is wrong with it.
"use strict";

(() => {
    const AFTER_MS = 400;
    const FIELDS = [
        "from_email", "from_name", "subject", "html", "text", "language", "inline_css", "text_from_html", "sample_variables",
    ];
    const SOURCES = ["html", "text"];

    // A textarea that numbers its lines.
    function numbered(area) {
        const code = document.createElement("div");
        const lines = document.createElement("div");
        const list = document.createElement("ol");
        code.className = "editor-code";
        lines.className = "editor-lines";
        lines.setAttribute("aria-hidden", "true");
        area.replaceWith(code);
        lines.append(list);
        code.append(lines, area);
        area.wrap = "off";

        function count() {
            const wanted = area.value.split("\n").length;
            while (list.childElementCount > wanted) {
                list.lastElementChild.remove();
            }
            const more = document.createDocumentFragment();
            for (let number = list.childElementCount + 1; number <= wanted; number += 1) {
                const line = document.createElement("li");
                line.textContent = number;
                more.append(line);
            }
            list.append(more);
            follow();
        }

        function follow() {
            lines.style.height = `${area.offsetHeight}px`;
            lines.scrollTop = area.scrollTop;
        }

        area.addEventListener("input", count);
        area.addEventListener("scroll", follow);
        new ResizeObserver(follow).observe(area);
        count();
        return (wrong) => {
            [...list.children].forEach((line, place) => line.classList.toggle("is-wrong", wrong.has(place + 1)));
        };
    }

    // The caret goes to the line, and the line into sight.
    function goTo(field, line) {
        field.focus();
        if (!line || field.tagName !== "TEXTAREA") {
            return;
        }
        const lines = field.value.split("\n");
        const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
        field.setSelectionRange(start, start + (lines[line - 1] || "").length);
        field.scrollTop = Math.max(0, (line - 5) * parseFloat(getComputedStyle(field).lineHeight));
    }

    function button(text, action) {
        const made = document.createElement("button");
        made.type = "button";
        made.textContent = text;
        made.addEventListener("click", action);
        return made;
    }

    function edit(pane) {
        const form = pane.closest("form");
        const part = (name, which) => pane.querySelector(`[data-editor-${name}${which ? `="${which}"` : ""}]`);
        const state = part("state");
        const marks = new Map();
        let timer = null;
        let asking = null;

        for (const name of SOURCES) {
            if (form.elements[name]) {
                marks.set(name, numbered(form.elements[name]));
            }
        }

        function asked() {
            const data = new FormData();
            data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
            for (const name of FIELDS) {
                const field = form.elements[name];
                if (field && (field.type !== "checkbox" || field.checked)) {
                    data.append(name, field.value);
                }
            }
            if (!form.elements.language) {
                data.append("language", pane.dataset.editorLanguage);
            }
            return data;
        }

        function say(text, wrong) {
            state.textContent = text;
            state.classList.toggle("is-wrong", wrong);
        }

        function showFrame(frame, html) {
            // A new one: another document in the same frame would be a step of the browser's history.
            const next = frame.cloneNode(false);
            next.srcdoc = html || "<p style='color:#777;font-family:sans-serif'>There is no HTML.</p>";
            frame.replaceWith(next);
        }

        function showMail(mail) {
            const from = mail.from_email ? `${mail.from_name} <${mail.from_email}>` : mail.from_name;
            part("shown", "from").textContent = from.trim() || "whoever each mail names";
            part("shown", "subject").textContent = mail.subject;
            part("view", "text").textContent = mail.text || "There is no text.";
            pane.querySelectorAll("iframe").forEach((frame) => showFrame(frame, mail.html));
        }

        function showFlaws(flaws) {
            form.querySelectorAll(".editor-flaw").forEach((old) => old.remove());
            const listed = flaws.map((flaw) => {
                const item = document.createElement("li");
                const field = form.elements[flaw.field];
                const go = () => goTo(field, flaw.line);
                item.append(field ? button(`${flaw.field}: ${flaw.message}`, go) : flaw.message);
                const line = field && field.closest(".field-line");
                if (line) {
                    const note = document.createElement("p");
                    note.className = "editor-flaw";
                    note.append(button(flaw.message, go));
                    line.append(note);
                }
                return item;
            });
            part("flaws").replaceChildren(...listed);
            part("flaws").hidden = !flaws.length;
            for (const [name, mark] of marks) {
                mark(new Set(flaws.filter((flaw) => flaw.field === name).map((flaw) => flaw.line)));
            }
        }

        function show(news) {
            showFlaws(news.flaws);
            pane.querySelectorAll("[data-editor-view]").forEach((view) => view.classList.toggle("is-stale", !news.shown));
            part("missing").hidden = !news.missing.length;
            part("missing").textContent = `Without a sample: ${news.missing.join(", ")}.`;
            if (news.shown) {
                showMail(news.shown);
            }
            say(news.shown ? "As it would be sent" : "Not as it is", !news.shown);
        }

        async function ask() {
            if (asking) {
                asking.abort();
            }
            const mine = new AbortController();
            asking = mine;
            try {
                const options = { method: "POST", body: asked(), signal: mine.signal };
                const answer = await fetch(pane.dataset.editorHref, options);
                if (!answer.ok || answer.redirected) {
                    throw new Error(`HTTP ${answer.status}`);
                }
                show(await answer.json());
            } catch {
                if (!mine.signal.aborted) {
                    say("The preview is out of reach; what you type is not lost.", true);
                }
            }
        }

        form.addEventListener("input", (event) => {
            if (FIELDS.includes(event.target.name)) {
                window.clearTimeout(timer);
                timer = window.setTimeout(ask, AFTER_MS);
            }
        });
        pane.querySelectorAll("[data-editor-tab]").forEach((tab) => {
            tab.addEventListener("click", () => {
                for (const other of pane.querySelectorAll("[data-editor-tab]")) {
                    const name = other.dataset.editorTab;
                    other.setAttribute("aria-selected", String(other === tab));
                    part("view", name).hidden = other !== tab;
                }
            });
        });
        ask();
    }

    document.addEventListener("DOMContentLoaded", () => {
        const pane = document.querySelector("[data-editor-href]");
        if (pane) {
            edit(pane);
        }
    });
})();
