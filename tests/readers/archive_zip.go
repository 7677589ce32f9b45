// archive_zip FILE...: what Go's archive/zip reads; output as python_zipfile.py describes.
package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func read(path string) ([][2]string, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	entries := [][2]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		sum := sha256.New()
		_, err = io.Copy(sum, r)
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		entries = append(entries, [2]string{f.Name, fmt.Sprintf("%x", sum.Sum(nil))})
	}
	return entries, nil
}

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, path := range os.Args[1:] {
		entries, err := read(path)
		if err != nil {
			out.Encode(map[string]any{"file": path, "error": err.Error()})
			continue
		}
		out.Encode(map[string]any{"file": path, "entries": entries})
	}
}
