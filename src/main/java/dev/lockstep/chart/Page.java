package dev.lockstep.chart;

import java.util.List;

/** An HTML page that refers to nothing outside itself, and prints well. */
public final class Page {
    private static final String STYLE = """
            body { font: 15px/1.45 sans-serif; color: #222; background: #fff; }
            body { max-width: 80em; margin: 2em auto; padding: 0 1em; } p, .warning { max-width: 60em; }
            h1 { font-size: 1.5em; margin-bottom: 0.2em; } h2 { font-size: 1.15em; margin-top: 1.8em; }
            .warning { border: 2px solid #d55e00; background: #fff4ec; padding: 0.4em 1em; margin: 1em 0; }
            .warning ul { margin: 0.3em 0; padding-left: 1.2em; }
            figure { margin: 0; break-inside: avoid; } svg { width: 100%; max-width: 44em; height: auto; display: block; }
            .grid { display: grid; gap: 0 1.5em; }
            .grid { grid-template-columns: repeat(auto-fit, minmax(min(34em, 100%), 1fr)); }
            .wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.87em; break-inside: avoid; }
            th, td { padding: 0.25em 0.7em; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
            thead th { border-bottom: 2px solid #222; white-space: normal; vertical-align: bottom; }
            tbody th { font-weight: 600; } tbody th + th { font-weight: normal; }
            td.text { white-space: normal; } .text { text-align: left; }
            .predicted { color: #a04000; font-style: italic; } summary { cursor: pointer; margin: 0.6em 0; }
            code { font-size: 0.92em; overflow-wrap: anywhere; } .small { font-size: 0.87em; color: #444; }
            pre { overflow-x: auto; background: #f6f6f6; padding: 0.6em; }
            @media print { body { margin: 0; max-width: none; font-size: 10pt; } .wide { overflow: visible; } }
            """;

    private Page() {
    }

    /** Begins a page with its heading. */
    public static Markup open(String title) {
        Markup html = new Markup().open("html", "xmlns", "http://www.w3.org/1999/xhtml", "lang", "en").open("head")
                .empty("meta", "charset", "utf-8")
                .empty("meta", "name", "viewport", "content", "width=device-width")
                .element("title", title).open("style").text(STYLE).close().close();
        return html.open("body").element("h1", title);
    }

    /** Ends it: the whole file. */
    public static String close(Markup html) {
        return "<!DOCTYPE html>\n" + html.close().close();
    }

    /** A list of what makes figures doubtful, where there is something. */
    public static void warnings(Markup html, List<String> warnings) {
        if (!warnings.isEmpty()) {
            html.open("div", "class", "warning", "role", "alert").open("ul");
            warnings.forEach(warning -> html.element("li", warning));
            html.close().close();
        }
    }

    public static void figure(Markup html, String title, Markup chart) {
        html.open("figure").element("h2", title).add(chart).close();
    }
}
