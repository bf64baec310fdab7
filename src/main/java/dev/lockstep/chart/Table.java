package dev.lockstep.chart;

import java.util.List;

/**
 * An HTML table under way; it is closed by {@link #close}.
 *
 * @param names   heads of the columns that say what a row is of
 * @param numbers heads of the columns after these
 * @param texts   heads of the last columns
 */
public record Table(Markup html, List<String> names, List<String> numbers, List<String> texts) {
    public Table {
        html.open("div", "class", "wide").open("table").open("thead").open("tr");
        names.forEach(head -> html.element("th", head, "scope", "col", "class", "text"));
        numbers.forEach(head -> html.element("th", head, "scope", "col"));
        texts.forEach(head -> html.element("th", head, "scope", "col", "class", "text"));
        html.close().close().open("tbody");
    }

    /** @param cells one a column */
    public void row(List<String> cells) {
        html.open("tr");
        for (int i = 0; i < cells.size(); i++) {
            if (i < names.size()) {
                html.element("th", cells.get(i), "scope", "row", "class", "text");
            } else if (i < names.size() + numbers.size()) {
                html.element("td", cells.get(i));
            } else {
                html.element("td", cells.get(i), "class", "text");
            }
        }
        html.close();
    }

    public void close() {
        html.close().close().close();
    }
}
