package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdpnet "github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"porthole/internal/netlab"
)

// visitTime bounds one visit. A busy machine is slow.
const visitTime = 30 * time.Second

// observe notes when the page's player has shown its first picture, in ms since the
// navigation began.
const observe = `(() => {
	const timer = setInterval(() => {
		const video = document.querySelector('whep-video')?.video;
		if (!video) return;
		clearInterval(timer);
		video.requestVideoFrameCallback(() => { window.__firstPicture = performance.now(); });
	}, 5);
})();`

// visit is what one visit of the page took.
type visit struct {
	picture  float64 // ms until the first one
	requests int     // over HTTP, cached ones left out
	bytes    int     // of them that came over the wire, with headers
}

// traffic counts what a page loads; guarded by its mutex.
type traffic struct {
	mu       sync.Mutex
	cached   map[cdpnet.RequestID]bool
	requests map[cdpnet.RequestID]bool
	bytes    float64
}

func (t *traffic) hear(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case *cdpnet.EventRequestWillBeSent:
		t.requests[e.RequestID] = true
	case *cdpnet.EventRequestServedFromCache:
		t.cached[e.RequestID] = true
	case *cdpnet.EventResponseReceived:
		if e.Response.FromDiskCache {
			t.cached[e.RequestID] = true
		}
		if !t.cached[e.RequestID] {
			t.bytes += e.Response.EncodedDataLength
		}
	case *cdpnet.EventDataReceived:
		t.bytes += float64(e.EncodedDataLength)
	}
}

func (t *traffic) take() (requests, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	requests, bytes = len(t.requests), int(t.bytes)
	for id := range t.cached {
		if t.requests[id] {
			requests--
		}
	}
	clear(t.requests)
	clear(t.cached)
	t.bytes = 0
	return requests, bytes
}

// visitTwice opens an address in a browser of its own, with an empty cache and again.
func visitTwice(ctx context.Context, address string) (cold, warm visit, err error) {
	ctx, cancel := chromedp.NewExecAllocator(ctx, netlab.ChromiumOptions()...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	seen := &traffic{cached: make(map[cdpnet.RequestID]bool), requests: make(map[cdpnet.RequestID]bool)}
	if err := chromedp.Listen(ctx, seen.hear); err != nil {
		return visit{}, visit{}, fmt.Errorf("listen to Chromium: %w", err)
	}
	err = chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := cdp.Call(ctx, target, cdpnet.Enable, cdpnet.EnableParams{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument,
			page.AddScriptToEvaluateOnNewDocumentParams{Source: observe})
		return err
	}))
	if err != nil {
		return visit{}, visit{}, fmt.Errorf("start Chromium: %w", err)
	}
	if err := settle(ctx); err != nil {
		return visit{}, visit{}, err
	}
	seen.take()
	for _, v := range []*visit{&cold, &warm} {
		if v.picture, err = firstPicture(ctx, address); err != nil {
			return visit{}, visit{}, err
		}
		if err := leave(ctx); err != nil {
			return visit{}, visit{}, err
		}
		v.requests, v.bytes = seen.take()
	}
	return cold, warm, nil
}

// settle waits until a browser that was just started knows its networks, as those of
// people do: the first connection of its life waits for that, up to a second.
func settle(ctx context.Context) error {
	_, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](`new Promise((resolve) => {
		const connection = new RTCPeerConnection();
		connection.addTransceiver('audio');
		connection.onicegatheringstatechange = () => {
			if (connection.iceGatheringState !== 'complete') return;
			connection.close();
			resolve();
		};
		connection.setLocalDescription();
	})`, chromedp.EvalAwaitPromise))
	if err != nil {
		return fmt.Errorf("let Chromium find its networks: %w", err)
	}
	return nil
}

// leave ends the page, and with it what it still loads.
func leave(ctx context.Context) error {
	return chromedp.Do(ctx, chromedp.Navigate("about:blank"))
}

// firstPicture opens the address and returns when its first picture was shown.
func firstPicture(ctx context.Context, address string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, visitTime)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		return 0, fmt.Errorf("open %s: %w", address, err)
	}
	at, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`new Promise((resolve) => {
		const timer = setInterval(() => {
			if (window.__firstPicture === undefined) return;
			clearInterval(timer);
			setTimeout(() => resolve(window.__firstPicture), 1000);
		}, 20);
	})`, chromedp.EvalAwaitPromise))
	if err != nil {
		return 0, fmt.Errorf("see the first picture of %s: %w", address, err)
	}
	return at, nil
}
