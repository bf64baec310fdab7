package dev.lockstep.device.cuda;

/**
 * How blocks share the work of sums down the columns of a matrix: a block takes a tile of 32 columns, in a slice of the
 * rows. Few columns are few tiles: then the rows are divided, too, so that all multiprocessors have something to do.
 *
 * @param tiles of columns
 * @param count of slices
 * @param rows  of a slice
 */
record ColumnSlices(int tiles, int count, long rows) {
    private static final int WARP = 32;
    /** Of a block: each warp takes every eighth row. */
    static final int THREADS = 8 * WARP;
    /** That a multiprocessor holds: fewer would have too little of the matrix on its way to use the memory's bandwidth. */
    private static final int BLOCKS = Kernel.THREADS_OF_MULTIPROCESSOR / THREADS;
    /** Rows below which a slice of its own does not pay. */
    private static final int SLICE_ROWS = 128;

    static ColumnSlices of(CudaDevice device, int rows, int columns) {
        int tiles = (columns + WARP - 1) / WARP;
        int wanted = Math.max(1, BLOCKS * device.multiprocessors() / tiles);
        int count = Math.min(wanted, Math.max(1, rows / SLICE_ROWS));
        return new ColumnSlices(tiles, count, (rows + count - 1) / count);
    }
}
