package dev.lockstep.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class CurveTest {
    @Test
    void shouldKeepEveryPointOfAShortSeries() {
        Curve curve = new Curve();
        for (int i = 1; i <= Curve.MOST_PIECES; i++) {
            curve.add(i, 10 * i);
        }

        assertEquals(Curve.MOST_PIECES, curve.pieces().size());
        assertEquals(7, curve.pieces().get(6).x());
        assertEquals(70, curve.pieces().get(6).mean());
    }

    @Test
    void shouldPutNeighboursOfALongSeriesTogether() {
        Curve curve = new Curve();
        int points = 10 * Curve.MOST_PIECES + 3;
        for (int i = 1; i <= points; i++) {
            curve.add(i, i % 2);
        }

        assertTrue(curve.pieces().size() <= Curve.MOST_PIECES && curve.pieces().size() > Curve.MOST_PIECES / 2);
        assertEquals(points, curve.pieces().stream().mapToLong(Curve.Piece::count).sum());
        // Sixteen in each but the last.
        assertEquals((1 + 16) / 2.0, curve.pieces().get(0).x());
        Curve.Piece last = curve.pieces().get(curve.pieces().size() - 1);
        assertEquals(points % 16, last.count());
        assertEquals(0.5, curve.pieces().get(1).mean());
        assertEquals(0, curve.pieces().get(1).least());
        assertEquals(1, curve.pieces().get(1).most());
        assertEquals(points, curve.lastX());
    }

    @Test
    void shouldLeaveOutWhatLiesBehind() {
        Curve curve = new Curve();
        curve.add(5, 1);
        curve.add(5, 2);
        curve.add(4, 3);
        curve.add(6, 4);

        assertEquals(2, curve.pieces().size());
        assertEquals(4, curve.pieces().get(1).mean());
    }
}
