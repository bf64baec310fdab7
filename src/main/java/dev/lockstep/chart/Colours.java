package dev.lockstep.chart;

import java.util.List;

/** Okabe and Ito's, which people with any kind of colour blindness can tell apart; each also of another lightness. */
public final class Colours {
    public static final String ORANGE = "#e69f00";
    public static final String SKY_BLUE = "#56b4e9";
    public static final String BLUE = "#0072b2";
    public static final String VERMILION = "#d55e00";
    public static final String GREEN = "#009e73";
    public static final String PURPLE = "#cc79a7";
    public static final String GREY = "#999999";
    public static final String DARK_GREY = "#666666";

    /** Of areas that lie side by side. */
    static final List<String> AREAS = List.of(ORANGE, SKY_BLUE, BLUE, VERMILION, GREEN, GREY);
    /** Of lines, those first that stand out most. */
    public static final List<String> LINES = List.of(BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY_BLUE, DARK_GREY);

    private Colours() {
    }
}
