package uploads_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
	"tianguis.example/marketplace/uploads"
)

// FuzzPut: whatever is in a file, what is kept is what came, and of a type that browsers show without running anything: never a page, a drawing with
// scripts or an archive. What is not kept leaves nothing, and says why in a way that can be told apart.
func FuzzPut(f *testing.F) {
	for _, seed := range []string{
		png, jpeg, mp3, webm, mp4, "%PDF-1.7\n", "Hola\n", "a,b\n1,2\n", "", "<html><script>alert(1)</script>", "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
		"<?xml version='1.0'?><svg/>", "PK\x03\x04", "GIF89a<script>alert(1)</script>", "\xef\xbb\xbf<html>", "MZ\x90\x00", "#!/bin/sh\n", "\xff\xfe<\x00h\x00", "RIFF\x00\x00\x00\x00WEBPVP8 ", "a\x00b", "\x1f\x8b\x08",
		" \n<!DOCTYPE html>", "RIFF\x24\x00\x00\x00WAVEfmt ", "OggS\x00\x02", "fLaC\x00",
	} {
		f.Add([]byte(seed), int64(1000))
	}
	f.Add([]byte(strings.Repeat("ñ", 2000)), int64(10))
	folder := f.TempDir()
	d, err := uploads.NewDisk(folder, 0)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, content []byte, most int64) {
		if most < 1 || most > 1<<20 {
			return
		}
		file, err := d.Put(t.Context(), newID(), iotest.HalfReader(bytes.NewReader(content)), most)
		if err != nil {
			require.ErrorContains(t, err, "file")
			require.Empty(t, files(t, folder))
			return
		}
		defer func() { require.NoError(t, d.Remove(file.ID)) }()
		require.Contains(t, marketplace.FileTypes, file.MediaType)
		require.NotContains(t, file.MediaType, "html")
		require.NotContains(t, file.MediaType, "svg")
		require.Equal(t, int64(len(content)), file.Size)
		require.LessOrEqual(t, file.Size, most)
		if file.MediaType == marketplace.PlainText {
			require.True(t, utf8.Valid(content) && !bytes.ContainsRune(content, 0))
		}
		kept, err := d.Open(file.ID)
		require.NoError(t, err)
		read, err := io.ReadAll(kept)
		require.NoError(t, err)
		require.NoError(t, kept.Close())
		require.Equal(t, content, read)
	})
}
