package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// titles are how the servers are called in tables.
func title(server string) string {
	switch server {
	case serverLimit:
		return "raw limit"
	case serverPorthole:
		return "Porthole"
	case serverFeedback:
		return "Porthole, feedback"
	case serverBaseline:
		return "plain pion"
	}
	return server
}

// print writes the tables, and below them what makes a row doubtful.
func (o outcome) print(w io.Writer) error {
	fmt.Fprintf(w, "%s UTC, %s, %s, %d processors; a stream of %.0f frames and %.0f packets a second, %.2f Mbit/s\n\n",
		o.Date, o.Go, o.System, o.Processors, o.Traffic.FrameRate, o.Traffic.PacketRate, o.Traffic.BitRate/1e6)
	if err := printCosts(w, o.Rows); err != nil {
		return err
	}
	for _, r := range o.Rows {
		for _, doubt := range r.doubts() {
			fmt.Fprintf(w, "! %s (%d): %s\n", title(r.Server), r.Viewers, doubt)
		}
	}
	o.printPrice(w)
	if len(o.Starts) == 0 {
		return nil
	}
	fmt.Fprint(w, "\nFrom POST to the first whole keyframe, ms:\n\n")
	if err := printStarts(w, o.Starts); err != nil {
		return err
	}
	fmt.Fprint(w, "\nThe steps on the way, medians since POST, ms:\n\n")
	return printSteps(w, o.Starts)
}

// printPrice says what feedback costs, where Porthole was measured with and without it.
func (o outcome) printPrice(w io.Writer) {
	without := make(map[int]float64) // by the number of viewers
	for _, r := range o.Rows {
		if r.Server == serverPorthole {
			without[r.Viewers] = r.CPU.Median
		}
	}
	for _, r := range o.Rows {
		if before := without[r.Viewers]; r.Server == serverFeedback && before > 0 {
			fmt.Fprintf(w, "\nWith transport-wide feedback, a viewer of %d costs %+.0f %%\n", r.Viewers, 100*(r.CPU.Median/before-1))
		}
	}
}

func printCosts(w io.Writer, rows []row) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\tviewers\tat full\tpackets/s\tloss\tCPU ms per\t\ttimes\tframe delay\t\tRSS KiB\tgoroutines\tallocs\t\n")
	fmt.Fprint(table, "\t\trate\tper viewer\t%\tviewer-second\t(spread)\tlimit\tms p50\tp99\tper viewer\tper viewer\tper packet\t\n")
	for _, r := range rows {
		limits := "-"
		if r.Limits > 0 {
			limits = fmt.Sprintf("%.2f", r.Limits)
		}
		median, p99 := "-", "-"
		if r.Delay.Count > 0 {
			median, p99 = fmt.Sprintf("%.1f", r.Delay.P50), fmt.Sprintf("%.1f", r.Delay.P99)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%.1f\t%.2f\t%.2f\t(%.2f–%.2f)\t%s\t%s\t%s\t%.0f\t%.1f\t%.2f\t\n",
			title(r.Server), r.Viewers, r.Full, r.PacketRate, r.Loss,
			r.CPU.Median, r.CPU.Min, r.CPU.Max, limits, median, p99, r.Memory, r.Goroutines, r.Allocs)
	}
	return table.Flush()
}

// busyOthers is how many processors others may use before a row is doubtful.
const busyOthers = 0.5

// doubts says what is wrong with a row.
func (r row) doubts() (doubts []string) {
	if r.received.Viewers < r.Viewers {
		doubts = append(doubts, fmt.Sprintf("only %d got media: the costs are divided by those; %s", r.received.Viewers, r.failure))
	}
	if r.Full < r.Viewers {
		doubts = append(doubts, fmt.Sprintf(
			"%d of them did not get the full rate (median %.1f frames a second): the server did less, so the processor time flatters",
			r.Viewers-r.Full, r.FrameRate))
	}
	if r.overflow > 0 {
		doubts = append(doubts, fmt.Sprintf("%d packets were lost by the viewers, which were too slow, not by the server", r.overflow))
	}
	if r.Others > busyOthers {
		doubts = append(doubts, fmt.Sprintf("other programs kept %.1f processors busy meanwhile", r.Others))
	}
	return doubts
}

func printStarts(w io.Writer, starts []firsts) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\tpublisher\tone by one:\t\t50 at once:\t\t\tof all\tkeyframe\t\n")
	fmt.Fprint(table, "\t\tmedian\tmax\tp50\tp95\tmax\tsaw one\trequests\t\n")
	for _, s := range starts {
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%d/%d\t%.0f\t\n", title(s.Server), s.Publisher,
			s.Alone.Median, s.Alone.Max, s.Crowd.Median, s.Crowd.P95, s.Crowd.Max,
			s.Alone.Saw+s.Crowd.Saw, s.Alone.Opened+s.Crowd.Opened, s.Requests)
	}
	return table.Flush()
}

func printSteps(w io.Writer, starts []firsts) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\tpublisher\tviewers\tanswer\tICE\tDTLS\tfirst packet\twhole keyframe\t\n")
	for _, s := range starts {
		for _, r := range []struct {
			name string
			result
		}{{"one by one", s.Alone}, {"50 at once", s.Crowd}} {
			fmt.Fprintf(table, "%s\t%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t\n",
				title(s.Server), s.Publisher, r.name, r.Answer, r.ICE, r.DTLS, r.Packet, r.Median)
		}
	}
	return table.Flush()
}
