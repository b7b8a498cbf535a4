"""The process that inlines one document, from its input to its output, in bounded time and memory."""

import resource
import signal
import sys

#: Seconds of CPU time, and bytes of address space, of which 60 MiB are what an idle child maps.
CPU_SECONDS = 0.5
MEMORY = 192 * 1024 * 1024
#: Characters of the longest result: one rule may grow every element.
LONGEST_RESULT = 4 * 1024 * 1024


def main() -> int:
    """0 when the output is the result; the kernel ends the process at a limit."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    # Imported under the limits, and never by what imports this package.
    import css_inline

    inliner = css_inline.CSSInliner(
        load_remote_stylesheets=False, keep_style_tags=True, remove_inlined_selectors=True
    )
    try:
        result = inliner.inline(sys.stdin.buffer.read().decode())
    except css_inline.InlineError:
        return 1
    if len(result) > LONGEST_RESULT:
        return 1
    sys.stdout.buffer.write(result.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
