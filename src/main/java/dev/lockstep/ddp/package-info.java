/** DistributedDataParallel: buckets, chunks, and the reduction that overlaps with backward. */
package dev.lockstep.ddp;
