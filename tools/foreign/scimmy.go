package foreign

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"

	"github.com/usherhq/usher/tools/process"
)

// Scimmy is a running server on the npm packages scimmy and scimmy-routers.
type Scimmy struct {
	URL string // the base URL

	process *process.Process
	stores  atomic.Int64
}

var scimmyAddress = regexp.MustCompile(`scimmy listens on (127\.0\.0\.1:\d+)`)

// StartScimmy starts the server, with a log in dir. The packages must be installed, by npm ci in the
// folder of the server. The caller closes the server.
func StartScimmy(ctx context.Context, dir string) (*Scimmy, error) {
	log := filepath.Join(dir, "scimmy.log")
	p, err := process.Start(log, nil, "node", append([]string{filepath.Join("scimmy", "server.mjs"), Token}, Groups...)...)
	if err != nil {
		return nil, err
	}
	s := &Scimmy{process: p}
	err = process.Wait{For: "scimmy listens", Needs: []*process.Process{p}}.Until(ctx, func() bool {
		text, _ := os.ReadFile(log) // not there yet is like empty
		found := scimmyAddress.FindSubmatch(text)
		if found != nil {
			s.URL = "http://" + string(found[1]) + "/scim"
		}
		return found != nil
	})
	if err != nil {
		p.Kill()
		return nil, fmt.Errorf("%w; run npm ci in tools/foreign/scimmy first", err)
	}
	return s, nil
}

// Close ends the server.
func (s *Scimmy) Close() { s.process.Kill() }

// Handler returns a handler in front of the server, with a store of its own.
func (s *Scimmy) Handler() (http.Handler, error) {
	base, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprint(s.stores.Add(1))
	return &httputil.ReverseProxy{
		Transport: &http.Transport{DisableKeepAlives: true}, // no connection outlives a test
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(base)
			r.Out.Header.Set("X-Store", name)
		},
	}, nil
}
