package memnet_test

import (
	"fmt"
	"io"
	"net/http"

	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// A server and a client talk in memory, under any address.
func ExampleListen() {
	l := memnet.Listen()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "this is ", r.Host)
	})}
	go func() { _ = server.Serve(l) }()
	transport := &http.Transport{DialContext: l.DialContext}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	res, err := client.Get("http://vendor.test/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	fmt.Println(string(text))
	_ = server.Close()
	// Output: this is vendor.test
}
