// Shows a campaign's figures anew every other second, until it has ended or nobody looks.
"use strict";

(() => {
    const EVERY_MS = 2000;
    const AFTER_FAULT_MS = 10000;

    function showAnew(section, html) {
        const fresh = new DOMParser().parseFromString(html, "text/html");
        for (const part of section.querySelectorAll("[data-part]")) {
            const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
            if (next && next.outerHTML !== part.outerHTML) {
                part.replaceWith(document.importNode(next, true));
            }
        }
    }

    async function ask(section) {
        const answer = await fetch(section.dataset.progress, { headers: { Accept: "application/json" } });
        if (!answer.ok || answer.redirected) {
            throw new Error(`HTTP ${answer.status}`);
        }
        return answer.json();
    }

    function follow(section) {
        const stale = section.querySelector("[data-stale]");
        let timer = null;

        async function tick() {
            timer = null;
            if (document.hidden) {
                return;
            }
            try {
                const news = await ask(section);
                if (news.state !== section.dataset.state) {
                    // Other buttons belong to another state.
                    window.location.reload();
                    return;
                }
                stale.hidden = true;
                showAnew(section, news.html);
                if (!news.ended) {
                    timer = window.setTimeout(tick, EVERY_MS);
                }
            } catch {
                stale.hidden = false;
                timer = window.setTimeout(tick, AFTER_FAULT_MS);
            }
        }

        document.addEventListener("visibilitychange", () => {
            if (!document.hidden && timer === null && !("over" in section.dataset)) {
                tick();
            }
        });
        timer = window.setTimeout(tick, EVERY_MS);
    }

    document.addEventListener("DOMContentLoaded", () => {
        const section = document.querySelector("[data-progress]");
        if (section && !("over" in section.dataset)) {
            follow(section);
        }
    });
})();
