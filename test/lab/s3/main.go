// An S3-compatible storage in memory, on 127.0.0.1, with one bucket that everybody can read: gofakes3, which `rclone serve s3` is made of. Each
// request with a signature, and each that changes something, is checked (AWS Signature Version 4).
// usage: s3 BUCKET <KEYS   KEYS: a line "accessKeyId secretAccessKey". Prints its port; ends with its standard input.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "s3:", err)
		os.Exit(1)
	}
}

func main() {
	bucket := os.Args[1]
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadString('\n')
	fail(err)
	keys := strings.Fields(line)
	backend := s3mem.New()
	fail(backend.CreateBucket(context.Background(), bucket))
	signed := gofakes3.New(backend, gofakes3.WithV4Auth(map[string]string{keys[0]: keys[1]})).Server()
	open := gofakes3.New(backend).Server()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(os.Stderr, r.Method, r.URL.Path, r.Header.Get("Authorization") != "")
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if reads && r.Header.Get("Authorization") == "" && r.URL.RawQuery == "" {
			open.ServeHTTP(w, r)
			return
		}
		signed.ServeHTTP(w, r)
	}))
	io.Copy(io.Discard, input)
}
