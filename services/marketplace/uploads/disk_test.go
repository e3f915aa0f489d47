package uploads_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
	"tianguis.example/marketplace/uploads"
)

func disk(t *testing.T) (*uploads.Disk, string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "uploads")
	d, err := uploads.NewDisk(folder, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d, folder
}

func newID() string { return ulid.Make().String() }

func files(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

var (
	png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
	jpeg = "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
	mp3  = "\xff\xfb\x90\x64\x00\x00"
	webm = "\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"
	mp4  = "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
)

func TestPut_WhatTheBytesSay(t *testing.T) {
	t.Parallel()
	d, folder := disk(t)
	for name, c := range map[string]struct{ content, kind string }{
		"text": {"Hola, señora. " + strings.Repeat("ñ", 5000), "text/plain; charset=utf-8"}, "table": {"a,b\n1,2\n3,4\n", "text/plain; charset=utf-8"},
		"png": {png, "image/png"}, "jpeg": {jpeg, "image/jpeg"}, "mp3": {mp3, "audio/mpeg"}, "webm": {webm, "video/webm"}, "mp4": {mp4, "video/mp4"},
		"pdf": {"%PDF-1.7\n", "application/pdf"},
	} {
		id := newID()
		f, err := d.Put(t.Context(), id, iotest.HalfReader(strings.NewReader(c.content)), 1<<20)
		require.NoError(t, err, name)
		require.Equal(t, id, f.ID)
		require.Equal(t, c.kind, f.MediaType, name)
		require.Equal(t, int64(len(c.content)), f.Size)
		opened, err := d.Open(f.ID)
		require.NoError(t, err)
		content, err := io.ReadAll(opened)
		require.NoError(t, err)
		require.NoError(t, opened.Close())
		require.Equal(t, c.content, string(content))
		require.NoError(t, d.Remove(f.ID))
		_, err = d.Open(f.ID)
		require.ErrorIs(t, err, marketplace.ErrFileUnknown)
		require.NoError(t, d.Remove(f.ID), "again")
	}
	require.Empty(t, files(t, folder))
}

func TestPut_WhatIsNotKept(t *testing.T) {
	t.Parallel()
	d, folder := disk(t)
	for name, c := range map[string]struct {
		content string
		want    error
	}{
		"nothing":             {"", marketplace.ErrFileEmpty},
		"a page":              {"<!doctype html><script>alert(1)</script>", marketplace.ErrFileType},
		"a drawing":           {`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, marketplace.ErrFileType},
		"a program":           {"\x7fELF\x02\x01\x01\x00", marketplace.ErrFileType},
		"a script":            {"#!/bin/sh\nrm -rf /\n", marketplace.ErrFileType},
		"an archive":          {"PK\x03\x04\x14\x00\x00\x00\x08\x00", marketplace.ErrFileType},
		"text that turns bad": {strings.Repeat("good ", 1000) + "\xff\xfe", marketplace.ErrFileType},
		"text with a NUL":     {strings.Repeat("good ", 1000) + "\x00", marketplace.ErrFileType},
		"half a character":    {strings.Repeat("good ", 1000) + "\xc3", marketplace.ErrFileType},
		"too much":            {png + strings.Repeat("x", 1<<20), marketplace.ErrFileTooLarge},
	} {
		_, err := d.Put(t.Context(), newID(), strings.NewReader(c.content), 1<<20)
		require.ErrorIs(t, err, c.want, name)
	}
	broken := errors.New("the line broke")
	_, err := d.Put(t.Context(), newID(), io.MultiReader(strings.NewReader(png), bytes.NewReader(make([]byte, 4000)), iotest.ErrReader(broken)), 1<<20)
	require.ErrorIs(t, err, broken)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Put(gone, newID(), strings.NewReader(png), 1<<20)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, files(t, folder), "what is not kept leaves nothing behind")
}

func TestPut_ExactlyTheMost(t *testing.T) {
	t.Parallel()
	d, _ := disk(t)
	_, err := d.Put(t.Context(), newID(), strings.NewReader(png), int64(len(png)))
	require.NoError(t, err)
	_, err = d.Put(t.Context(), newID(), strings.NewReader(png), int64(len(png))-1)
	require.ErrorIs(t, err, marketplace.ErrFileTooLarge)
}

func TestOpen_NoOtherNames(t *testing.T) {
	t.Parallel()
	d, folder := disk(t)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "secret"), []byte("x"), 0o600))
	for _, id := range []string{"", "secret", "../secret", "..", "01JDDDDDDDDDDDDDDDDDDDDDD1", "01jddddddddddddddddddddddd1/../secret"} {
		_, err := d.Open(id)
		require.ErrorIs(t, err, marketplace.ErrFileUnknown, id)
		require.NoError(t, d.Remove(id))
	}
	require.Equal(t, []string{"secret"}, files(t, folder))
}

func TestPut_LeavesRoomOnTheDisk(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	d, err := uploads.NewDisk(folder, math.MaxInt64)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	_, err = d.Put(t.Context(), newID(), strings.NewReader(png), 1<<20)
	require.ErrorIs(t, err, marketplace.ErrFilesDown)
	require.ErrorContains(t, err, "no space")
	require.Empty(t, files(t, folder))
}

func TestKeep_ConfirmsOnce(t *testing.T) {
	t.Parallel()
	d, folder := disk(t)
	f, err := d.Put(t.Context(), newID(), strings.NewReader(png), 1<<20)
	require.NoError(t, err)
	require.Equal(t, []string{f.ID + ".new"}, files(t, folder))
	require.NoError(t, d.Keep(f.ID))
	require.NoError(t, d.Keep(f.ID), "again, as when two look after it")
	require.Equal(t, []string{f.ID}, files(t, folder))
	require.ErrorIs(t, d.Keep("../x"), marketplace.ErrFileUnknown)
}
