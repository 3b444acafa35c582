package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"porthole/capture"
	"porthole/internal/doctor"
	"porthole/internal/peer"
	"porthole/internal/server"
	"porthole/internal/settings"
)

// jsonSetting is the one flag of the doctor that is none of the server's.
func jsonSetting(asJSON *bool) settings.Setting[server.Config] {
	return settings.Setting[server.Config]{
		Name: "json", Help: "Print JSON in place of a table.",
		Value: settings.Do[server.Config](func(text string) (err error) {
			*asJSON, err = settings.Toggle(text)
			return err
		}),
	}
}

// doctorCommand looks for what would be in the way of a server with these settings,
// without starting it. It fails when something does not work.
func doctorCommand(ctx context.Context, t terminal) error {
	var asJSON bool
	loaded, err := loadConfigFor("doctor", t.args, t.environ, jsonSetting(&asJSON))
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(t.stdout, "porthole doctor looks at ports, addresses, NAT, STUN and TURN servers, camera, microphone,\n"+
			"encoder and certificate, and says what would be in the way and what to do about it.\n\n"+
			"  porthole doctor [--json] [FLAGS OF SERVE]\n\n"+
			"Give it the flags, variables and file that `porthole serve` gets: it checks what that would\n"+
			"run with. `porthole help serve` lists them. Exit code 1 says that something will not work.\n\n")
		settings.Table[server.Config]{jsonSetting(&asJSON)}.PrintHelp(t.stdout)
		return err
	} else if err != nil {
		return err
	}
	examined := examination(loaded.Config)
	if isTerminal(t.stderr) {
		examined.Progress = func(p doctor.Progress) { printExamined(t.stderr, p) }
	}
	report := doctor.Run(ctx, examined)
	if examined.Progress != nil {
		fmt.Fprint(t.stderr, "\r\x1b[K")
	}
	if asJSON {
		encoder := json.NewEncoder(t.stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.WriteTable(t.stdout, isTerminal(t.stdout) && !t.has("NO_COLOR"))
	}
	if err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	if report.Verdict == doctor.Fail {
		return errReported
	}
	return nil
}

// printExamined overwrites one line.
func printExamined(w io.Writer, p doctor.Progress) {
	fmt.Fprintf(w, "\r\x1b[K%d of %d checked", p.Done, p.Total)
	if len(p.Running) > 0 {
		fmt.Fprintf(w, ", looking at %s", strings.Join(p.Running, ", "))
	}
}

// examination is what the doctor has to know of the settings.
func examination(cfg server.Config) doctor.Config {
	c := doctor.Config{
		HTTP: cfg.HTTP, Beyond: cfg.BeyondLoopback(),
		Sockets: []doctor.Socket{
			{Flag: "--http", Address: cfg.HTTP, TCP: true},
			{Flag: "--media", Address: cfg.Media, TCP: true, UDP: true},
		},
		Addresses: func() ([]doctor.Address, error) { return ownAddresses(cfg) },
		Profile:   cfg.Profile, RelayOnly: cfg.ICEPolicy == peer.PolicyRelay, Relaying: cfg.TURNAddress() != "",
		Public: cfg.PublicIPs, Advertise: cfg.Advertise,
		STUN: cfg.STUN, TURN: cfg.TURNServers(),
		Devices: doctor.Devices{List: capture.Devices, Check: capture.Check, Trial: capture.Trial},
		Cert:    cfg.Cert, Key: cfg.Key, SecretFiles: cfg.Secrets(),
	}
	if address := cfg.TURNAddress(); address != "" {
		c.Sockets = append(c.Sockets, doctor.Socket{
			Flag: "--turn-listen", Address: address, TCP: true, UDP: true, Spare: cfg.TURNListen == "",
		})
	}
	for _, s := range cfg.Sources {
		c.Sources = append(c.Sources, doctor.Source(s))
	}
	return c
}

// ownAddresses lists the addresses of this machine as the media engine sees them.
func ownAddresses(cfg server.Config) ([]doctor.Address, error) {
	list, err := peer.ExplainAddrs(peer.Config{
		Media: cfg.Media, Interfaces: server.SplitInterfaces(cfg.Interfaces), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	addresses := make([]doctor.Address, len(list))
	for i, a := range list {
		addresses[i] = doctor.Address(a)
	}
	return addresses, nil
}
