package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// tally is one receiver of the raw limit: a socket that is read and counted, with
// as little as a viewer of package load does.
type tally struct {
	conn *net.UDPConn

	// Owned by run, to be read after it.
	first, last  time.Time
	lastSequence uint16
	packets      int
	frames       int
	expected     int
	delays       []float64 // of pictures, in milliseconds
}

// discardMode opens --viewers sockets, tells the parent their addresses, reads
// them until ctx ends and prints what was received as JSON.
func discardMode(ctx context.Context, c child) error {
	flags := flag.NewFlagSet("discard", flag.ContinueOnError)
	viewers := flags.Int("viewers", 1, "")
	if err := flags.Parse(c.args); err != nil {
		return err
	}
	tallies, err := openTallies(*viewers)
	if err != nil {
		return err
	}
	var reading sync.WaitGroup
	addrs := make([]netip.AddrPort, len(tallies))
	for i, t := range tallies {
		addrs[i], _ = netip.ParseAddrPort(t.conn.LocalAddr().String()) // a UDP socket has one
		reading.Go(t.run)
	}
	c.log.Info("receiving", "addresses", addrs)
	<-ctx.Done()
	closeTallies(tallies)
	reading.Wait()
	if err := json.NewEncoder(c.stdout).Encode(sumTallies(tallies)); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

func openTallies(n int) ([]*tally, error) {
	tallies := make([]*tally, 0, n)
	for range n {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			closeTallies(tallies)
			return nil, fmt.Errorf("open a receiver: %w", err)
		}
		_ = conn.SetReadBuffer(1 << 20) // what is not granted shows as loss
		mergeReads(conn)
		tallies = append(tallies, &tally{conn: conn})
	}
	return tallies, nil
}

func closeTallies(tallies []*tally) {
	for _, t := range tallies {
		_ = t.conn.Close() // it ends its run
	}
}

// run counts until the socket is closed.
func (t *tally) run() {
	buffer, control := make([]byte, 64<<10), make([]byte, 64)
	for {
		n, m, _, _, err := t.conn.ReadMsgUDPAddrPort(buffer, control)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		t.last = time.Now()
		for part := range slices.Chunk(buffer[:n], segmentSize(control[:m], n)) {
			t.count(part)
		}
	}
}

func (t *tally) count(packet []byte) {
	if len(packet) < 12 {
		return
	}
	sequence := binary.BigEndian.Uint16(packet[2:])
	if t.packets == 0 {
		t.first, t.lastSequence = t.last, sequence-1
	}
	t.expected += int(sequence - t.lastSequence) // loopback keeps the order
	t.lastSequence = sequence
	t.packets++
	if packet[1]&0x80 != 0 { // the marker: a picture's last packet
		t.frames++
		t.delays = append(t.delays, milliseconds(sinceTimestamp(binary.BigEndian.Uint32(packet[4:]), t.last)))
	}
}

// sumTallies sums up what was received.
func sumTallies(tallies []*tally) received {
	var got received
	var frameRates, packetRates []float64
	var delays []float64
	packets, expected := 0, 0
	for _, t := range tallies {
		if t.frames < 2 {
			continue
		}
		got.Viewers++
		delays = append(delays, t.delays...)
		seconds := t.last.Sub(t.first).Seconds()
		rate := float64(t.frames-1) / seconds
		frameRates = append(frameRates, rate)
		packetRates = append(packetRates, float64(t.packets)/(seconds+1.0/frameRate))
		packets, expected = packets+t.packets, expected+t.expected
		if rate >= fullRate*frameRate && float64(t.expected-t.packets) < fullLoss*float64(t.expected) {
			got.Full++
		}
	}
	got.Delay = delayOf(delays)
	got.FrameRate, got.PacketRate = median(frameRates), median(packetRates)
	if expected > 0 {
		got.Loss = 100 * float64(expected-packets) / float64(expected)
	}
	return got
}

// What a viewer must get to be fully served, as package load has it.
const (
	fullRate = 0.95
	fullLoss = 0.005
)
