package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
)

// FuzzLocalPath: wherever somebody is to be sent after signing in, it is on this site, and no part of a header.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range append([]string{"/", "/jobs/1?a=b", "/jobs/1#x", "/%2f/evil.example", "/\u2028/x", "/;//evil"}, "//evil.example", `/\evil.example`, "javascript:alert(1)", "/\t/evil.example", "/a\r\nSet-Cookie: a=b") {
		f.Add(seed)
	}
	base, err := url.Parse("https://market.example/login")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, next string) {
		path := localPath(next)
		require.True(t, path == "/" || path == next)
		to, err := base.Parse(path)
		require.NoError(t, err)
		require.Equal(t, "https://market.example", to.Scheme+"://"+to.Host, path)
		require.False(t, strings.ContainsAny(path, "\r\n\x00\\"), "%q", path)
	})
}

// FuzzFilterOf: whatever a search's address holds, the database is asked what it can be asked.
func FuzzFilterOf(f *testing.F) {
	for _, seed := range []string{"", "q=crates&state=recruiting&role=worker&page=7", "page=-1", "page=0x1", "q=%00%ff", "role=operator&state=deleted", "q=" + strings.Repeat("ñ", 600)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		query, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		filter, role, err := filterOf(query)
		if err != nil {
			require.ErrorIs(t, err, echo.ErrNotFound)
			return
		}
		require.LessOrEqual(t, len(filter.Words), maxQuestion)
		require.GreaterOrEqual(t, filter.Before, marketplace.JobID(0))
		require.Contains(t, append([]marketplace.State{""}, marketplace.States...), filter.State)
		require.NotEmpty(t, role)
	})
}

// atWork is a store of one job whose work is to be handed in by person 2. It keeps what is recorded.
type atWork struct {
	marketplace.Store
	recorded *marketplace.Change
}

func (*atWork) User(_ context.Context, id marketplace.UserID) (marketplace.User, error) {
	return marketplace.User{ID: id, Name: "Wendy", Role: marketplace.Both}, nil
}

func (*atWork) Case(context.Context, marketplace.JobID) (marketplace.Case, error) {
	return marketplace.Case{Job: marketplace.Job{ID: 7, State: marketplace.Submitting, Funder: 1, Worker: 2, Version: 1}}, nil
}

func (s *atWork) Record(_ context.Context, c marketplace.Change) error {
	s.recorded = &c
	return nil
}

// shelf keeps files in memory, as package uploads does on a disk.
type shelf map[string]int64

func (s shelf) Put(_ context.Context, id string, content io.Reader, most int64) (marketplace.File, error) {
	n, err := io.Copy(io.Discard, io.LimitReader(content, most+1))
	switch {
	case err != nil:
		return marketplace.File{}, err
	case n == 0:
		return marketplace.File{}, marketplace.ErrFileEmpty
	case n > most:
		return marketplace.File{}, marketplace.ErrFileTooLarge
	}
	s[id] = n
	return marketplace.File{ID: id, MediaType: "image/png", Size: n}, nil
}

func (s shelf) Keep(string) error { return nil }

func (s shelf) Remove(id string) error {
	delete(s, id)
	return nil
}

// FuzzHandIn: whatever the parts of a form with files are, work is handed in whole, with all of its files and no others, within the limits and under safe names;
// or it is refused with a code, and nothing is left.
func FuzzHandIn(f *testing.F) {
	whole := func(parts ...[3]string) []byte {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		require.NoError(f, w.SetBoundary("b"))
		for _, p := range parts {
			header := map[string][]string{"Content-Disposition": {`form-data; name="` + p[0] + `"` + p[1]}}
			part, err := w.CreatePart(header)
			require.NoError(f, err)
			_, err = io.WriteString(part, p[2])
			require.NoError(f, err)
		}
		require.NoError(f, w.Close())
		return body.Bytes()
	}
	f.Add(whole([3]string{"text", "", "Done."}, [3]string{"files", `; filename="../../a.png"`, "x"}))
	f.Add(whole([3]string{"files", `; filename="a.exe"`, ""}, [3]string{"text", "", "Done."}))
	f.Add(whole([3]string{"files", `; filename=""`, ""}, [3]string{"text", "", "a\x00b"}))
	f.Add(whole([3]string{"text", "", "1"}, [3]string{"text", "", "2"}, [3]string{"files", `; filename*=UTF-8''%2e%2e%2fx`, "yy"}))
	f.Add(bytes.Repeat([]byte("--b\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\"\r\n\r\nx\r\n"), 8))
	f.Add([]byte("--b--\r\n"))
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=text\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41"))
	f.Fuzz(func(t *testing.T, body []byte) {
		store, files := &atWork{}, shelf{}
		const size = 64
		clk := clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
		log := slog.New(slog.DiscardHandler)
		p := &Pages{market: marketplace.New(store, nil, clk, log, marketplace.Options{Files: files, FileSize: size}), clock: clk, log: log}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/jobs/7/submit", http.NoBody)
		c := echo.New().NewContext(request, httptest.NewRecorder())
		c.Set(visitorKey, visitor{User: marketplace.User{ID: 2}})
		c.Set(partsKey, multipart.NewReader(bytes.NewReader(body), "b"))
		if _, err := p.handIn(c, 7); err != nil {
			_, http := errors.AsType[*echo.HTTPError](err)
			require.True(t, http || marketplace.CodeOf(err) != "", "%v", err)
			require.Nil(t, store.recorded)
			require.Empty(t, files, "what was not handed in is left")
			return
		}
		require.NotNil(t, store.recorded)
		handed := store.recorded.Submission
		require.NotNil(t, handed)
		require.True(t, utf8.ValidString(handed.Text) && !strings.Contains(handed.Text, "\x00"), "%q", handed.Text)
		require.Len(t, files, len(handed.Files))
		require.LessOrEqual(t, len(handed.Files), marketplace.MaxFiles)
		total := int64(0)
		for _, file := range handed.Files {
			total += file.Size
			require.Equal(t, files[file.ID], file.Size)
			require.LessOrEqual(t, file.Size, int64(size))
			require.False(t, strings.ContainsAny(file.Name, "/\\\r\n\x00"), "%q", file.Name)
			require.True(t, strings.HasSuffix(strings.ToLower(file.Name), ".png"), "%q", file.Name)
		}
		require.LessOrEqual(t, total, int64(2*size))
	})
}
