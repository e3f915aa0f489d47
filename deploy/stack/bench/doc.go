// Package bench measures how fast the services are, and beside each figure what would be the most that it could be: the same signatures and round
// trips against the same wallet without the services, the same commits by pgbench on the same server, a bare loop, a constant answer.
//
// A figure and its limit are taken by turns, in several rounds, so that whatever else the machine does meets both; the table has their
// medians. The services are real processes with the settings that they have when nobody chooses others, but for the limits by address and by key:
// everybody is one address here. Postgres waits for the disk at each commit.
//
// `stack bench` runs it (make bench), and a very short run is a test.
package bench
