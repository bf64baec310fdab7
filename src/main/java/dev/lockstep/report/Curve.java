package dev.lockstep.report;

import java.util.ArrayList;
import java.util.List;

/** A series of any length in little memory: as it grows, more of its neighbours are put together. */
final class Curve {
    /** Neighbouring points; {@code least} and {@code most} are of their {@code y}. */
    record Piece(double sumX, double sumY, double least, double most, long count) {
        double x() {
            return sumX / count;
        }

        double mean() {
            return sumY / count;
        }

        private Piece and(Piece next) {
            return new Piece(sumX + next.sumX, sumY + next.sumY, Math.min(least, next.least), Math.max(most, next.most),
                    count + next.count);
        }
    }

    /** Even; a chart has fewer pixels. */
    static final int MOST_PIECES = 512;

    private final List<Piece> pieces = new ArrayList<>();
    /** Of every piece but the last. */
    private long pointsPerPiece = 1;
    private double lastX = Double.NEGATIVE_INFINITY;

    /** @param x a point that does not lie behind the last one is left out */
    void add(double x, double y) {
        if (x <= lastX) {
            return;
        }
        lastX = x;
        Piece point = new Piece(x, y, y, y, 1);
        int last = pieces.size() - 1;
        if (last >= 0 && pieces.get(last).count < pointsPerPiece) {
            pieces.set(last, pieces.get(last).and(point));
            return;
        }
        if (pieces.size() == MOST_PIECES) {
            for (int i = 0; i < MOST_PIECES / 2; i++) {
                pieces.set(i, pieces.get(2 * i).and(pieces.get(2 * i + 1)));
            }
            pieces.subList(MOST_PIECES / 2, MOST_PIECES).clear();
            pointsPerPiece *= 2;
        }
        pieces.add(point);
    }

    List<Piece> pieces() {
        return pieces;
    }

    /** Of the last point; zero where there is none. */
    double lastX() {
        return Math.max(0, lastX);
    }
}
