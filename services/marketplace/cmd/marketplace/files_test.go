package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
	"tianguis.example/marketplace/uploads"
)

// attached is a file as a browser sends it. What it says of itself is of no account.
type attached struct{ name, content string }

var (
	pngFile  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
	mp3File  = "\xff\xfb\x90\x64\x00\x00" + strings.Repeat("sound", 100)
	webmFile = "\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + strings.Repeat("film", 1000)
)

// multipartForm is a form with files, its fields in the order in which browsers send them.
func multipartForm(t *testing.T, token, text string, files ...attached) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	require.NoError(t, w.WriteField("csrf", token))
	require.NoError(t, w.WriteField("text", text))
	for _, f := range files {
		part, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="files"; filename="%s"`, f.name)}, "Content-Type": {"text/html"},
		})
		require.NoError(t, err)
		_, err = io.WriteString(part, f.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), b.Bytes()
}

// send posts a body of any type.
func (b *browser) send(path, contentType string, body io.Reader) page {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, body)
	require.NoError(b.t, err)
	request.Header.Set("Content-Type", contentType)
	return b.answer(request)
}

func (b *browser) handIn(job marketplace.JobID, text string, files ...attached) page {
	b.t.Helper()
	contentType, body := multipartForm(b.t, b.token(), text, files...)
	return b.send("/jobs/"+job.String()+"/submit", contentType, bytes.NewReader(body))
}

// kept are the names of the files in the folder.
func (m *running) kept() []string {
	m.t.Helper()
	entries, err := os.ReadDir(m.config.UploadsDir)
	require.NoError(m.t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestFiles_AreHandedInAndSeen(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		ana := m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both)
		job := m.jobIn(marketplace.Submitting, ana)
		worker, funder := m.browser().signIn(demoWorker), m.browser().signIn(demoFunder)
		form := worker.get("/jobs/"+job.String()).has(t, "form#submit")
		require.Equal(t, "multipart/form-data", form.AttrOr("enctype", ""))
		require.Equal(t, "csrf", form.Find("[name]").First().AttrOr("name", ""), "the token comes first, before any file")
		require.Contains(t, form.Find("#submit-files-hint").Text(), "Up to 5 files: text, PDF, images, audio or video, each of at most 25\u00a0MB, and of at most 50\u00a0MB together.")

		answer := worker.handIn(job, "", attached{"../../etc/Señal roja.PNG", pngFile}, attached{"canción.mp3", mp3File}, attached{"film.webm", webmFile}, attached{`C:\notas.txt`, "Hola"})
		worker.lands(answer, "/jobs/"+job.String()).has(t, `[data-flash="submit"]`)
		require.Equal(t, marketplace.Reviewing, m.job(job).State)
		files := m.job(job).Submissions[len(m.job(job).Submissions)-1].Files
		require.Len(t, files, 4)
		for i, want := range []marketplace.File{
			{Name: "Señal roja.PNG", MediaType: "image/png", Size: int64(len(pngFile))}, {Name: "canción.mp3", MediaType: "audio/mpeg", Size: int64(len(mp3File))},
			{Name: "film.webm", MediaType: "video/webm", Size: int64(len(webmFile))}, {Name: "notas.txt", MediaType: "text/plain; charset=utf-8", Size: 4},
		} {
			want.ID, want.SHA256 = files[i].ID, files[i].SHA256
			require.Equal(t, want, files[i])
		}
		require.ElementsMatch(t, []string{files[0].ID, files[1].ID, files[2].ID, files[3].ID}, m.kept(), "each is confirmed")

		seen := funder.get("/jobs/" + job.String())
		require.Equal(t, address(job, files[0]), seen.has(t, "#submission img.media").AttrOr("src", ""))
		require.Equal(t, address(job, files[1]), seen.has(t, "#submission audio[controls]").AttrOr("src", ""))
		require.Equal(t, address(job, files[2]), seen.has(t, "#submission video[controls]").AttrOr("src", ""))
		require.Contains(t, seen.has(t, "#submission .files").Text(), "notas.txt Text, 4\u00a0B")
		require.Contains(t, seen.Header.Get("Content-Security-Policy"), "img-src 'self'; media-src 'self';")

		image := funder.get(address(job, files[0]))
		require.Equal(t, 200, image.StatusCode)
		require.Equal(t, pngFile, image.text)
		sum := sha256.Sum256([]byte(pngFile))
		for name, want := range map[string]string{
			"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "private, no-cache", "ETag": `"` + hex.EncodeToString(sum[:]) + `"`,
			"Content-Disposition": "inline; filename*=utf-8''Se%C3%B1al%20roja.PNG", "Accept-Ranges": "bytes", "X-Frame-Options": "DENY",
		} {
			require.Equal(t, want, image.Header.Get(name), name)
		}
		require.Equal(t, `attachment; filename=notas.txt`, funder.get(address(job, files[3])).Header.Get("Content-Disposition"), "what a page does not show is downloaded")

		part := funder.with(http.MethodGet, address(job, files[2]), http.Header{"Range": {"bytes=4-7"}})
		require.Equal(t, http.StatusPartialContent, part.StatusCode)
		require.Equal(t, webmFile[4:8], part.text)
		require.Equal(t, fmt.Sprintf("bytes 4-7/%d", len(webmFile)), part.Header.Get("Content-Range"))
		require.Equal(t, http.StatusRequestedRangeNotSatisfiable, funder.with(http.MethodGet, address(job, files[2]), http.Header{"Range": {"bytes=99999-"}}).StatusCode)
		require.Equal(t, http.StatusNotModified, funder.with(http.MethodGet, address(job, files[0]), http.Header{"If-None-Match": {image.Header.Get("ETag")}}).StatusCode)
		head := funder.with(http.MethodHead, address(job, files[2]), nil)
		require.Equal(t, 200, head.StatusCode)
		require.Equal(t, int64(len(webmFile)), head.ContentLength)
		require.Empty(t, head.text)

		// Work that was sent back keeps its files, and the new one has its own.
		require.Equal(t, 303, funder.submit(seen, "reject", map[string]string{"text": "Louder"}).StatusCode)
		require.Equal(t, 303, worker.handIn(job, "Louder now", attached{"louder.mp3", mp3File}).StatusCode)
		again := funder.get("/jobs/" + job.String())
		require.Equal(t, 1, again.has(t, "#submission > .files li").Length())
		require.Equal(t, 4, again.has(t, "#submission details .files li").Length())
		require.Equal(t, 200, worker.get(address(job, files[0])).StatusCode)

		out, err := run(t, settingsFile(t, "DATABASE_URL='"+m.config.DatabaseURL+"'"), "", "job", "show", job.String())
		require.NoError(t, err)
		require.Contains(t, out, "canción.mp3 audio/mpeg 506 bytes "+files[1].ID)
	})
}

func address(job marketplace.JobID, f marketplace.File) string {
	return "/jobs/" + job.String() + "/files/" + f.ID
}

// with sends a request with headers.
func (b *browser) with(method, path string, header http.Header) page {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, http.NoBody)
	require.NoError(b.t, err)
	for name, values := range header {
		request.Header[name] = values
	}
	return b.answer(request)
}

func TestFiles_AreForThoseWhoSeeTheWork(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		ana := m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both)
		m.joins(carlosEmail, "Carlos", "https://w.example/carlos", marketplace.Both)
		job, other := m.jobIn(marketplace.Submitting, ana), m.jobIn(marketplace.Submitting, ana)
		require.Equal(t, 303, m.browser().signIn(demoWorker).handIn(job, "Done", attached{"a.png", pngFile}).StatusCode)
		f := m.job(job).Submissions[0].Files[0]
		for email, want := range map[string]int{demoFunder: 200, demoWorker: 200, demoOperator: 200, anaEmail: 404, carlosEmail: 404} {
			b := m.browser().signIn(email)
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				answer := b.with(method, address(job, f), nil)
				require.Equal(t, want, answer.StatusCode, "%s %s", method, email)
				if want == 404 {
					require.Empty(t, answer.Header.Get("Content-Disposition"))
					require.Empty(t, answer.Header.Get("ETag"))
					require.Equal(t, "no-store", answer.Header.Get("Cache-Control"))
				}
			}
		}
		require.Equal(t, 303, m.browser().get(address(job, f)).StatusCode, "whoever is not signed in signs in first")
		funder := m.browser().signIn(demoFunder)
		for _, path := range []string{
			address(other, f), address(999, f), "/jobs/" + job.String() + "/files/x", "/jobs/" + job.String() + "/files/" + strings.ToLower(f.ID), "/jobs/" + job.String() + "/files/%ff%00",
			"/jobs/" + job.String() + "/files/..%2f..%2fetc%2fpasswd", "/jobs/" + job.String() + "/files/01JDDDDDDDDDDDDDDDDDDDDDDD", "/jobs/x/files/" + f.ID,
		} {
			require.Equal(t, 404, funder.get(path).StatusCode, path)
		}
		require.Equal(t, 405, funder.do(http.MethodPost, address(job, f), nil).StatusCode)

		require.NoError(t, os.Remove(filepath.Join(m.config.UploadsDir, f.ID)))
		gone := funder.get(address(job, f))
		require.Equal(t, http.StatusServiceUnavailable, gone.StatusCode)
		require.Contains(t, gone.text, "This file cannot be read just now.")
		require.NotContains(t, gone.text, m.config.UploadsDir)
	})
}

func TestFiles_ThatAreRefusedLeaveNothing(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		ana := m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both)
		job, reviewing := m.jobIn(marketplace.Submitting, ana), m.jobIn(marketplace.Reviewing, ana)
		worker := m.browser().signIn(demoWorker)
		before := m.job(job).Version
		one := attached{"a.png", pngFile}
		big := attached{"big.png", pngFile + strings.Repeat("x", 1000)}
		for name, c := range map[string]struct {
			files []attached
			want  string
		}{
			"a page called a picture":    {[]attached{{"a.png", "<!doctype html><script>alert(1)</script>"}}, "“a.png” cannot be handed in"},
			"a drawing that runs things": {[]attached{{"a.svg", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`}}, "“a.svg” cannot be handed in"},
			"a program":                  {[]attached{{"a.jpg", "\x7fELF\x02\x01\x01\x00"}}, "“a.jpg” cannot be handed in"},
			"an archive":                 {[]attached{one, {"a.zip", "PK\x03\x04\x14\x00\x00\x00\x08\x00"}}, "“a.zip” cannot be handed in"},
			"nothing in it":              {[]attached{one, {"empty.txt", ""}}, "“empty.txt” is empty."},
			"too large":                  {[]attached{one, big}, "“big.png” is too large: at most 1\u00a0kB."},
			"much too large":             {[]attached{{"film.webm", webmFile + strings.Repeat("x", 5000)}}, "“film.webm” is too large: at most 1\u00a0kB."},
			"too large together":         {[]attached{{"a.txt", strings.Repeat("a", 900)}, {"b.txt", strings.Repeat("b", 900)}, {"c.txt", strings.Repeat("c", 900)}}, "These files are too large: at most 2\u00a0kB together."},
			"too many":                   {[]attached{one, one, one, one, one, one}, "These are too many files: at most 5."},
		} {
			answer := worker.handIn(job, "What I wrote", c.files...)
			require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode, name)
			require.Contains(t, answer.has(t, "#submit-files-error").Text(), c.want, name)
			require.Equal(t, "true", answer.has(t, "#submit-files").AttrOr("aria-invalid", ""))
			require.Zero(t, answer.doc.Find("#submit-error").Length())
			require.Equal(t, "What I wrote", answer.has(t, "#submit-text").Text())
			require.Empty(t, m.kept(), name)
		}
		nothing := worker.handIn(job, " ")
		require.Equal(t, http.StatusUnprocessableEntity, nothing.StatusCode)
		require.Contains(t, nothing.has(t, "#submit-error").Text(), "or add a file")
		long := worker.handIn(job, strings.Repeat("ñ", 20_001), one)
		require.Equal(t, http.StatusUnprocessableEntity, long.StatusCode)
		require.Contains(t, long.has(t, "#submit-error").Text(), "at most 20,000 characters")

		// In the wrong state, or by somebody else, nothing is even looked at.
		require.Equal(t, http.StatusConflict, worker.handIn(reviewing, "Again", one).StatusCode)
		require.Equal(t, http.StatusForbidden, m.browser().signIn(demoFunder).handIn(job, "I", one).StatusCode)
		require.Equal(t, http.StatusForbidden, m.browser().signIn(anaEmail).handIn(job, "I", one).StatusCode)
		m.joins(carlosEmail, "Carlos", "https://w.example/carlos", marketplace.Both)
		require.Equal(t, http.StatusNotFound, m.browser().signIn(carlosEmail).handIn(job, "I", one).StatusCode)
		contentType, body := multipartForm(t, "forged", "I", one)
		forged := worker.send("/jobs/"+job.String()+"/submit", contentType, bytes.NewReader(body))
		require.Equal(t, http.StatusForbidden, forged.StatusCode)
		require.Contains(t, forged.text, "This form is not valid any more.")
		require.Equal(t, http.StatusForbidden, m.browser().send("/jobs/"+job.String()+"/submit", contentType, bytes.NewReader(body)).StatusCode)
		require.Empty(t, m.kept())
		require.Equal(t, marketplace.Submitting, m.job(job).State)
		require.Equal(t, before, m.job(job).Version)
	}, func(c *Config) { c.UploadMaxSize = 1000 })
}

// A file is what its first bytes say; a name that promises another type gets an ending of the real one, so that nobody's machine runs it.
func TestFiles_OfTwoKindsAreServedAsOne(t *testing.T) {
	t.Parallel()
	m := start(t)
	job := m.jobIn(marketplace.Submitting, m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both))
	b := m.browser().signIn(demoWorker)
	polyglot := "GIF89a/*\x00\x00*/=1;alert(document.domain)//<script>alert(1)</script>"
	require.Equal(t, 303, b.handIn(job, "", attached{"page.html", polyglot}, attached{"run.js", polyglot}).StatusCode)
	files := m.job(job).Submissions[0].Files
	require.Equal(t, "page.html.gif", files[0].Name)
	require.Equal(t, "run.js.gif", files[1].Name)
	answer := b.get(address(job, files[0]))
	require.Equal(t, "image/gif", answer.Header.Get("Content-Type"))
	require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
	require.Equal(t, "default-src 'none'; sandbox", answer.Header.Get("Content-Security-Policy"))
}

// A form that breaks off, or is none, is a bad request that leaves nothing.
func TestFiles_BrokenForms(t *testing.T) {
	t.Parallel()
	m := start(t)
	job := m.jobIn(marketplace.Submitting, m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both))
	before := m.job(job).Version
	b := m.browser().signIn(demoWorker)
	contentType, body := multipartForm(t, b.token(), "Done", attached{"a.webm", webmFile}, attached{"b.png", pngFile})
	path := "/jobs/" + job.String() + "/submit"
	for _, end := range []int{len(body) - 1, len(body) - 6, len(body) - 60, len(body) - 300, len(body) / 2, 700} {
		require.Equal(t, http.StatusBadRequest, b.send(path, contentType, bytes.NewReader(body[:end])).StatusCode, "after %d of %d bytes", end, len(body))
		require.Empty(t, m.kept())
	}
	require.Equal(t, http.StatusForbidden, b.send(path, contentType, bytes.NewReader(body[:50])).StatusCode, "no token yet")
	require.Equal(t, http.StatusBadRequest, b.send(path, "multipart/form-data", bytes.NewReader(body)).StatusCode, "no boundary")
	last := multipartTokenLast(t, b.token())
	require.Equal(t, http.StatusForbidden, b.send(path, last.contentType, bytes.NewReader(last.body)).StatusCode, "a token after the files is too late")
	many := make([]attached, 40)
	require.Equal(t, http.StatusBadRequest, func() int {
		contentType, body := multipartForm(t, b.token(), "Done", many...) // fields in which nothing was chosen
		return b.send(path, contentType, bytes.NewReader(body)).StatusCode
	}())

	// The connection breaks in the middle of a file.
	connection, err := net.Dial("tcp", m.Address())
	require.NoError(t, err)
	base, err := url.Parse(m.base)
	require.NoError(t, err)
	var header strings.Builder
	for _, c := range b.client.Jar.Cookies(base) {
		header.WriteString(c.Name + "=" + c.Value + "; ")
	}
	_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: market\r\nCookie: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", path, header.String(), contentType, len(body), body[:len(body)/2])
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(m.kept()) == 1 }, waitFor, every, "it is being kept")
	require.NoError(t, connection.Close())
	require.Eventually(t, func() bool { return len(m.kept()) == 0 }, waitFor, every, "and is not any more")
	require.Equal(t, before, m.job(job).Version)
	require.NotContains(t, m.logs.String(), `"level":"ERROR"`, "that others break off is no trouble of ours")
}

type sentForm struct {
	contentType string
	body        []byte
}

func multipartTokenLast(t *testing.T, token string) sentForm {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("files", "a.png")
	require.NoError(t, err)
	_, err = io.WriteString(part, pngFile)
	require.NoError(t, err)
	require.NoError(t, w.WriteField("csrf", token))
	require.NoError(t, w.Close())
	return sentForm{w.FormDataContentType(), b.Bytes()}
}

// Whoever cannot keep files says so, and hands nothing in.
func TestFiles_NoPlace(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		job := m.jobIn(marketplace.Submitting, m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both))
		b := m.browser().signIn(demoWorker)
		before := m.job(job).Version
		require.NoError(t, os.RemoveAll(m.config.UploadsDir)) // also where the tests run as root, who may write everywhere
		answer := b.handIn(job, "What I wrote", attached{"a.png", pngFile})
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode)
		require.Contains(t, answer.text, "The files could not be kept on our side, so nothing was handed in.")
		require.NotContains(t, answer.text, m.config.UploadsDir)
		require.Equal(t, "What I wrote", answer.has(t, "#submit-text").Text())
		require.Equal(t, marketplace.Submitting, m.job(job).State)
		require.Equal(t, before, m.job(job).Version)
		require.Equal(t, 303, b.handIn(job, "Words need no disk").StatusCode)
	})
}

// A process that dies between a file and its submission leaves a file that is nobody's, and one that dies after the submission leaves one that is
// not confirmed: it is there all the same. Both are looked after a day later, and nothing else is.
func TestFiles_OfAProcessThatDied(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		job := m.jobIn(marketplace.Submitting, m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both))
		b := m.browser().signIn(demoWorker)
		require.Equal(t, 303, b.handIn(job, "", attached{"a.png", pngFile}, attached{"b.mp3", mp3File}).StatusCode)
		files := m.job(job).Submissions[0].Files
		unconfirmed := filepath.Join(m.config.UploadsDir, files[0].ID)
		require.NoError(t, os.Rename(unconfirmed, unconfirmed+".new"))
		require.Equal(t, 200, b.get(address(job, files[0])).StatusCode)
		for name, age := range map[string]time.Duration{
			"01JDDDDDDDDDDDDDDDDDDDDDD0.new": 25 * time.Hour, "01JDDDDDDDDDDDDDDDDDDDDDD1.new": 23 * time.Hour, "01JDDDDDDDDDDDDDDDDDDDDDD2": 25 * time.Hour, "notes.new": 25 * time.Hour,
			files[0].ID + ".new": 25 * time.Hour, files[1].ID: 25 * time.Hour,
		} {
			path := filepath.Join(m.config.UploadsDir, name)
			if !strings.HasPrefix(name, files[0].ID) && name != files[1].ID {
				require.NoError(t, os.WriteFile(path, []byte("half"), 0o600))
			}
			require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-age)))
		}
		require.NoError(t, m.sweeper.Sweep(t.Context()))
		require.ElementsMatch(t, []string{files[0].ID, files[1].ID, "01JDDDDDDDDDDDDDDDDDDDDDD1.new", "01JDDDDDDDDDDDDDDDDDDDDDD2", "notes.new"}, m.kept())
		require.Equal(t, 200, b.get(address(job, files[0])).StatusCode)

		away := &uploads.Sweeper{Disk: m.files, Clock: m.clock, Log: m.log, Known: func(context.Context, []string) ([]string, error) { return nil, io.ErrUnexpectedEOF }}
		require.NoError(t, os.Chtimes(filepath.Join(m.config.UploadsDir, "01JDDDDDDDDDDDDDDDDDDDDDD1.new"), time.Time{}, time.Now().Add(-25*time.Hour)))
		require.ErrorIs(t, away.Sweep(t.Context()), io.ErrUnexpectedEOF)
		require.Contains(t, m.kept(), "01JDDDDDDDDDDDDDDDDDDDDDD1.new", "nothing is removed of which the database said nothing")
	})
}

// The words are in the reader's language.
func TestFiles_InSpanish(t *testing.T) {
	t.Parallel()
	m := start(t)
	job := m.jobIn(marketplace.Submitting, m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both))
	b := m.browser().signIn(demoWorker)
	b.get("/language/es")
	answer := b.handIn(job, "", attached{"a.zip", "PK\x03\x04\x14\x00\x00\x00\x08\x00"})
	require.Contains(t, answer.has(t, "#submit-files-error").Text(), "«a.zip» no se puede entregar")
	require.Contains(t, answer.has(t, "#submit-files-hint").Text(), "cada uno de 25\u00a0MB como máximo")
}
