import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { describeWith, installed } from './installed.ts';

const program = process.env.CHROME_PATH ?? installed('chromium', 'chromium-browser', 'google-chrome');

export function describeWithBrowser(name: string, define: () => void): void {
  describeWith('chromium (or CHROME_PATH)', program, name, define);
}

/** A browser with a profile of its own, gone when it is closed. Any name that ends in .example is this machine. */
export function startBrowser(): Promise<Browser> {
  // It will not run as root in its sandbox.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return puppeteer.launch({
    ...(program !== undefined && { executablePath: program }),
    args: ['--host-resolver-rules=MAP *.example 127.0.0.1', ...sandbox],
    pipe: true,
  });
}

/** A page that was opened, and what went wrong in it. */
export async function openPage(browser: Browser, url: string): Promise<{ page: Page; faults: string[] }> {
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  await page.goto(url);
  return { page, faults };
}
