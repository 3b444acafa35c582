package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"porthole/internal/netlab"
)

//go:embed observe.js
var observe string

// askTime bounds a question to a page. A busy machine answers late.
const askTime = 20 * time.Second

// watchPage is a watch page in a browser of its own.
type watchPage struct {
	ctx    context.Context
	cancel []context.CancelFunc

	mu      sync.Mutex
	console []string // errors; guarded by mu
}

// hear notes what the console says.
func (p *watchPage) hear(event any) {
	var fault string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			fault += " " + e.ExceptionDetails.Exception.Description
		}
	case *log.EventEntryAdded:
		fault = e.Entry.Text + " " + e.Entry.URL
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.console = append(p.console, fault)
}

// picture is one that the page showed.
type picture struct {
	Shown  float64  // when, Unix time in ms
	Drawn  *float64 // by the clock in the picture, likewise; nil: not looked at, or none
	Height int
}

// said is a text that the page began to show.
type said struct {
	At   float64 // Unix time in ms
	Text string
}

// sample is the sum of the statistics of all connections that the page has had.
type sample struct {
	At           float64 // Unix time in ms
	Connections  int
	Video, Audio struct {
		FramesDecoded, FramesDropped, FreezeCount                   int
		PacketsReceived, PacketsLost, NackCount, PliCount           int
		ConcealedSamples, SilentConcealedSamples, ConcealmentEvents int
		TotalSamplesReceived, BytesReceived                         int
		TotalFreezesDuration                                        float64 // seconds
	}
}

// shownByPage is all that it has shown.
type shownByPage struct {
	Pictures []picture
	States   []said // of the player
	Words    []said // about the connection
}

// openPage starts a browser on a machine and opens an address in it.
func openPage(ctx context.Context, m *netlab.Machine, address string) (*watchPage, error) {
	p := &watchPage{}
	ctx, cancel := chromedp.NewExecAllocator(ctx, append(netlab.ChromiumOptions(), m.Browser())...)
	p.cancel = append(p.cancel, cancel)
	p.ctx, cancel = chromedp.NewContext(ctx)
	p.cancel = append(p.cancel, cancel)
	if err := chromedp.Listen(p.ctx, p.hear); err != nil {
		p.close()
		return nil, fmt.Errorf("listen to Chromium: %w", err)
	}
	err := chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, log.Enable, cdp.Empty{})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument,
			page.AddScriptToEvaluateOnNewDocumentParams{Source: observe})
		return err
	}))
	if err != nil {
		p.close()
		return nil, fmt.Errorf("start Chromium: %w", err)
	}
	if err := p.navigate(address); err != nil {
		p.close()
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	return p, nil
}

// navigate waits for the beginning of the document only: to load all of it may take long, and is watched, too.
func (p *watchPage) navigate(address string) error {
	ctx, cancel := context.WithTimeout(p.ctx, askTime)
	defer cancel()
	return chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		res, err := cdp.Call(ctx, target, page.Navigate, page.NavigateParams{URL: address})
		if err == nil && res.ErrorText != "" {
			err = errors.New(res.ErrorText)
		}
		return err
	}))
}

func (p *watchPage) close() {
	for _, cancel := range slices.Backward(p.cancel) {
		cancel()
	}
}

// ask evaluates an expression, also one that is a promise.
func ask[T any](p *watchPage, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, askTime)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// shows waits until the page shows pictures, which must be within a time.
func (p *watchPage) shows(ctx context.Context, within time.Duration) error {
	deadline := time.After(within)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		// While the document changes, there is nobody to ask.
		if n, err := ask[int](p, "window.__bench ? __bench.pictures.length : 0"); err == nil && n > 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			text, err := ask[string](p, "location + ' (' + document.readyState + '): ' + document.body?.innerText")
			p.mu.Lock()
			defer p.mu.Unlock()
			return errors.Join(fmt.Errorf("the page showed no picture within %v; %.300q; its console: %.1000q", within, text, p.console), err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (p *watchPage) sample() (sample, error) { return ask[sample](p, "__bench.sample()") }

func (p *watchPage) shown() (shownByPage, error) { return ask[shownByPage](p, "__bench.report()") }
