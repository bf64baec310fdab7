/** What reports are made of: HTML and SVG, charts, tables, and numbers as people read them. */
package dev.lockstep.chart;
