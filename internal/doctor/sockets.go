package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"porthole/internal/holders"
)

// sockets tries to listen where the server would.
func (c Config) sockets(ctx context.Context) []Finding {
	var found []Finding
	for _, s := range c.Sockets {
		if s.TCP {
			found = append(found, s.try(ctx, "tcp", holders.System))
		}
		if s.UDP {
			found = append(found, s.try(ctx, "udp", holders.System))
		}
	}
	return found
}

// try listens for a moment.
func (s Socket) try(ctx context.Context, network string, proc holders.Proc) Finding {
	f := Finding{
		Group: "sockets", Name: s.Flag + " " + strings.ToUpper(network), Found: s.Address + " is free",
		Data: map[string]any{"address": s.Address, "network": network},
	}
	err := listen(ctx, network, s.Address)
	switch {
	case err == nil:
		return f
	case errors.Is(err, syscall.EADDRINUSE):
		return s.taken(f, network, proc)
	case errors.Is(err, syscall.EACCES):
		f.Found, f.Cure = s.Address+": this user may not listen there", "give a port above 1023 with "+s.Flag
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		f.Found, f.Cure = s.Address+": this machine has no such address", "give one that it has with "+s.Flag+", or none for all"
	default:
		f.Found, f.Cure = fmt.Sprintf("%s: %v", s.Address, err), "give another address with "+s.Flag
	}
	f.Verdict = s.blame()
	return f
}

// blame is how bad it is to do without the socket.
func (s Socket) blame() Verdict {
	if s.Spare {
		return Warn
	}
	return Fail
}

// taken names who has the port. A Porthole that runs already is no fault: people ask
// what is wrong with it.
func (s Socket) taken(f Finding, network string, proc holders.Proc) Finding {
	f.Verdict = s.blame()
	f.Found, f.Cure = s.Address+" is taken by a program of another user", "end it, or give another port with "+s.Flag
	_, port, _ := net.SplitHostPort(s.Address)
	processes := proc.OfPort(network, port)
	if len(processes) == 0 {
		return f
	}
	var names []string
	var pids []int
	mine := true
	for _, p := range processes {
		names = append(names, p.String())
		pids = append(pids, p.PID)
		mine = mine && p.Name == "porthole"
	}
	f.Found = s.Address + " is taken by " + strings.Join(names, ", ")
	f.Data["holders"] = pids
	if mine {
		f.Verdict, f.Cure = Warn, "that is this server, if it is meant to run; it has to stop before another one starts"
	}
	return f
}

func listen(ctx context.Context, network, address string) error {
	var config net.ListenConfig
	if network == "udp" {
		conn, err := config.ListenPacket(ctx, network, address)
		if err == nil {
			err = conn.Close()
		}
		return err // the caller words it
	}
	listener, err := config.Listen(ctx, network, address)
	if err == nil {
		err = listener.Close()
	}
	return err // the caller words it
}
