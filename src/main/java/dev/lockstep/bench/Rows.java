package dev.lockstep.bench;

import java.util.List;

/** A report's table under way. */
record Rows(Markup html, List<String> numbers, List<String> texts) {
    Rows {
        html.open("div", "class", "wide").open("table").open("thead").open("tr");
        numbers.forEach(head -> html.element("th", head));
        texts.forEach(head -> html.element("th", head, "class", "text"));
        html.close().close().open("tbody");
    }

    void row(List<String> numberCells, List<String> textCells) {
        html.open("tr");
        numberCells.forEach(cell -> html.element("td", cell));
        textCells.forEach(cell -> html.element("td", cell, "class", "text"));
        html.close();
    }

    void close() {
        html.close().close().close();
    }
}
